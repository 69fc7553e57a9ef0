export { Daemon } from './daemon';
export { isNotFound, isUnavailable } from './errors';
