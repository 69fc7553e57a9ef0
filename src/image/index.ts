export { createImages, type ImagesOptions } from './create-images';
export type { Images, OpenImages, RegistryAuth } from './images';
export type { ImageStorage } from './install';
export type { Platform } from './platform';
export { parseReference, type Reference, type ShortReference, textOf } from './reference';
export type { PolicyPaths } from './policy';
export type { PullEvent, PullOutcome, PullState, PullStats, PullsWatch } from './pulls';
export type { RegistriesConfPaths } from './registries-conf';
export type { ImageTable } from './table';
