export { createHandlers, type Handler, type Handlers } from './handlers';
export { connectMonitor, type ConnectOptions } from './monitor/client';
export { readExitRecord } from './monitor/exit-record';
export type {
  ExecEnd,
  ExecOutput,
  ExecSession,
  ExitRecord,
  ExitStatus,
  Monitor,
  MonitorExec,
  MonitorState,
} from './monitor/monitor';
export { startContainerMonitor, type ContainerMonitorRequest } from './monitor/start';
export {
  createOciRuntime,
  type OciResources,
  type OciRuntime,
  type OciRuntimeParts,
  type OciState,
} from './oci/oci-runtime';
export { watchRuntime, type RuntimeWatch } from './watch';
