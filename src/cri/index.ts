export { createCriServer, type CriServer } from './server';
export type { CriParts, FsUsage, HandlerFacts, ImageFsUsage, RuntimeFacts } from './parts';
