export { untilEnded } from './ended';
export { LogPrinter } from './print';
export { readLog } from './read';
