import { stopFollowing } from '../../src/base/stages/context';

// Of every test file: its jobs are followed no longer than it runs.
afterAll(stopFollowing);
