export type { ResolvedEdits, ResolvedNode } from './cdi/apply';
export { parseCdiFile, type CdiDeviceNode, type CdiEdits, type CdiFile } from './cdi/cdi-file';
export { cdiDeviceNames } from './cdi/names';
export {
  cgroupParentPlace,
  type CgroupDriver,
  type CgroupPlace,
  containerPlace,
  ociCgroupsPath,
  slicePath,
} from './cgroup-paths';
export { containerSpec, type ContainerSpecResult } from './container-spec';
export { clampOomScore } from './process/oom-score';
export { checkResources, type ResourcesOf } from './resource-checks';
export { containerResources, limitFiles, mergeResources, type Resources } from './resources';
export type { ImageDefaults } from './image-defaults';
export { namespaceMode } from './cri';
export { parseHookFile, type HookFile, type HookSubject } from './hooks/hook-file';
export { matchingHooks } from './hooks/hooks';
export { infraSpec, type InfraSpecInput } from './infra-spec';
export type {
  ContainerSpecInput,
  DeviceNode,
  HostFacts,
  PidNamespace,
  PodFiles,
  ResolvedUser,
  SandboxPart,
  SeccompProfileFile,
  SpecDefaults,
} from './input';
export type {
  Capabilities,
  Device,
  DeviceRule,
  Hook,
  Hooks,
  Linux,
  LinuxResources,
  Mount,
  Namespace,
  Process,
  ProcessUser,
  Seccomp,
  SeccompArg,
  SeccompRule,
  Spec,
} from './oci';
export { accountFileLimit } from './process/accounts';
export { processSpec, type ExecRequest } from './process/exec';
export { resolveUser, userRequest, type UserInput } from './process/user';
export { checkMounts } from './mounts/check-mounts';
export { pathProblem } from './path-problem';
export { podResolvConf } from './resolv-conf';
export { seccompRequest, type SeccompRequest } from './seccomp/request';
export { stopSignal } from './stop-signal';
export { podUserNamespace, type PodUserNamespace } from './user-namespaces';
export { validateSandbox } from './validate-sandbox';
