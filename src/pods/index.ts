export { type CgroupSettings, cgroupSettings, podCgroup } from './cgroup';
export { sandboxHostname, sharesHostIpc, sharesHostNetwork, sharesPidNamespace } from './files';
export { hostFacts } from './host-facts';
export { createInfra, type Infra } from './infra';
export { openNetwork, type Network, type NetworkSettings } from './network/network';
export { netnsDir, netnsPrefix, type SandboxPaths } from './paths';
export type { NetworkCondition, Pods } from './pods';
export { joinedUserNamespace, rootOf, userNamespaceOf } from './user-namespace';
export { createSandboxes, type SandboxParts, type Sandboxes } from './sandboxes';
