export { checkFileNames } from './artifacts/file-names';
export type { Aside } from './check/aside';
export type { Damage } from './check/check-layer';
export type { StorageCheck } from './check';
export { createStorage } from './create-storage';
export { artifactChainId, chainIds, sha256Digest } from './digests';
export type { LayerTable, StorageOptions } from './options';
export type {
  ArchiveSource,
  ArtifactFileSource,
  ArtifactSource,
  ChangedEntry,
  DiskUsage,
  KeptImage,
  LayerOrigin,
  LayerSource,
  OnLayer,
  RootfsChanges,
  RootfsRequest,
  Storage,
  UsageWalk,
} from './storage';
