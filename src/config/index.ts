export { loadConfig, type Overrides } from './load';
export type { Config } from './schema';
