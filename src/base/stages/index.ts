export { backgroundJob } from './background';
export { currentJob, inJob, joining, outsideJobs, stage } from './context';
export type { Job, JobEnd, JobFacts } from './job';
export { beginJob, endJob, jobsInFlight, type JobWatcher, slowJobs, watchJobs } from './jobs';
export { slowFields, tellSlowJobs } from './slow';
export type { Stage } from './stage';
