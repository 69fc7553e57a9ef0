export { Daemon } from './daemon';
export { isNotFound, isUnavailable, isUnreachable } from './errors';
