export { usualCapabilities } from './container-defaults';
export { type Environment, type ProxyEnvironment, readEnvironment } from './environment';
export { loadConfig, type Overrides } from './load';
export { slowAfterMs } from './log';
export type { Config } from './schema';
export { changedKeys, configKeys, isReloadable } from './reload';
