export type { Engine, EngineOptions } from './contract';
export { openEngine } from './engine';
