export type { ContainerExit, ContainerRecord } from './records/container';
export type { ArtifactFacts, ImageConfig, ImageRecord } from './records/image';
export type { ArtifactFile, LayerRecord } from './records/layer';
export type { SandboxRecord } from './records/sandbox';
export { openState, type State } from './state';
export type { Table, WatchedTable } from './table';
