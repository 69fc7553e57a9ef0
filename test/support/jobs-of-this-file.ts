import { stopFollowing } from '../../src/base/stages/context';

// For test/environment.cjs, which calls it when all of the file is over, its hooks too.
Object.assign(globalThis, { stopFollowing });
