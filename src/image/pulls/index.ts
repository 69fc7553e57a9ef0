export type { LayerState, PullEvent, PullOutcome, PullState, PullStats, PullsWatch } from './events';
export { PullJobs } from './pull-jobs';
export { PullProgress } from './pull-progress';
export { PullTracker } from './pull-tracker';
