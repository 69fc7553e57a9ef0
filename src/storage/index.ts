export { createStorage } from './create-storage';
export { chainIds, sha256Digest } from './digests';
export type { LayerTable, StorageOptions } from './options';
export type { DiskUsage, KeptImage, LayerSource, RootfsRequest, Storage } from './storage';
