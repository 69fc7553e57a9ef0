export { openEngine, type Engine, type EngineOptions } from './engine';
