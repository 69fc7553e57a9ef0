export { noFeatures, type HandlerFeatures } from './features';
export { findCriu, needProgram, systemPath } from './find-program';
export { createHandlers, type Handler, type HandlerConfig, type Handlers } from './handlers';
export { cgroupOptions } from './oci/cgroup-options';
export { connectMonitor, type ConnectOptions } from './monitor/client';
export { createSettled } from './monitor/create-outcome';
export type { LogEvent, MonitorEvent, MonitorSubscription, OomEvent, StateEvent } from './monitor/events';
export { readExitRecord } from './monitor/exit-record';
export type {
  AttachEnd,
  AttachSession,
  ExecEnd,
  ExecOutput,
  ExecSession,
  ExitRecord,
  ExitStatus,
  Monitor,
  MonitorAttach,
  MonitorExec,
  MonitorState,
  OomVerdict,
} from './monitor/monitor';
export { isRuntimeRefusal } from './monitor/runtime-error';
export { startContainerMonitor, type ContainerMonitorRequest } from './monitor/start';
export { subscribeMonitor } from './monitor/subscribe';
export { observedRuntime } from './oci/observed-runtime';
export {
  createOciRuntime,
  type CheckpointRequest,
  type OciResources,
  type OciRuntime,
  type OciRuntimeParts,
  type OciState,
  runtimeCallMs,
} from './oci/oci-runtime';
export { watchRuntime, type FoundHandler, type RuntimeWatch } from './watch';
