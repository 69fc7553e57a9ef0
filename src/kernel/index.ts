export type {
  BindInRoot,
  BindMount,
  IdMap,
  IdRange,
  InterfaceCounters,
  Kernel,
  KernelFacts,
  LauncherRequest,
  MonitorRequest,
  OverlayMount,
  PinRequest,
  ProcessIdentity,
  RunRequest,
  RunResult,
  StreamedRun,
  TmpfsMount,
} from './kernel';
export { FakeKernel, type FakeCall } from './fake';
export { foldersUpTo } from './cgroups';
export { insideId, outsideId } from './id-map';
export type { LauncherHealth } from './launcher';
export type { LockOptions } from './lock-file';
export { type KernelOptions, startKernel } from './start';
export { processorIdleMs } from './idle';
export { type OwnDescriptors, ownDescriptors } from './own-descriptors';
export { openCgroupMeter } from './cgroup-usage/meter';
export type { CgroupMeter, CgroupUsage, Pressure, PressureLine } from './cgroup-usage/usage';
export { openCgroupDetailMeter } from './cgroup-usage/detail-meter';
export type { CgroupDetailMeter, CgroupDetails, CgroupPart, DeviceIo, FaultDetails } from './cgroup-usage/details';
export { blockDeviceFile, fileSystemOf, type FileSystemFigures } from './file-system';
export { interfaceTo, routeLocalnet, setRouteLocalnet } from './localnet';
export { openProcessCounter, type ProcessCounter, type ProcessFigures } from './processes';
export { runWithInput } from './run-with-input';
