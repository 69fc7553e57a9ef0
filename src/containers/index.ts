export type { Containers, ExecCommand, ExecStreams, ExecSyncResult, PodLifecycle } from './containers';
export { makeContainerFolders } from './create';
export { cdiDevices } from './cdi';
export { hookFolders } from './hooks';
export type { CreateParts } from './create-parts';
export { containerPaths, type ContainerPaths } from './paths';
export { createPodLifecycle } from './pod/lifecycle';
export { createContainers, type ContainerService } from './service';
