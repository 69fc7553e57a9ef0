export { watchFsUsage, type FsSample, type FsUsageWatch } from './fs-usage';
