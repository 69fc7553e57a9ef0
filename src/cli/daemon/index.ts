export { Daemon } from './daemon';
export { isNotFound, isUnavailable, isUnimplemented, isUnreachable } from './errors';
