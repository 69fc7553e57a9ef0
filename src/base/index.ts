export { catalog, type ErrorCode, type StatusName } from './errors/catalog';
export { BerthError, type ErrorParts, errnoOf, isBerthError, messageOf } from './errors/berth-error';
export { abortable, abortError, anySignal, pause, throwIfAborted } from './abort';
export { asidePath, asideTime } from './aside';
export { nowNs } from './clock';
export { Decoder, Encoder, WireError } from './codec';
export { deviceNumbers } from './device-number';
export { type Change, EventBus } from './event-bus';
export { armFailpoints, failpoints, failSteps, step, type FailStep } from './failpoints';
export { FairSlots } from './fair-slots';
export { fileStamp } from './file-stamp';
export { hashId, isId, newId, shortId } from './ids';
export { KeyedLock } from './keyed-lock';
export type { TlsFiles } from './listener/certificates';
export { type Listener, listen } from './listener/listener';
export { createLog, type Levels, type Log, type LogLevel, type RootLog, rooms, silentLog } from './log';
export { firstIssue } from './schema-error';
export { atGivenPriority, putLoopFirst } from './loop-priority';
export { Observations, type Observation, type TimedOperation } from './observations';
export { PacedSlots } from './paced-slots';
export { Semaphore } from './semaphore';
export { SingleFlight } from './single-flight';
export { inSlices } from './slices';
export {
  backgroundJob,
  beginJob,
  currentJob,
  endJob,
  inJob,
  type Job,
  type JobEnd,
  type JobFacts,
  jobsInFlight,
  type JobWatcher,
  joining,
  outsideJobs,
  slowFields,
  slowJobs,
  stage,
  type Stage,
  tellSlowJobs,
  watchJobs,
} from './stages';
export { together } from './together';
export { UndoScope, type Undo } from './undo-scope';
export { atLeast, parseVersion, type Version } from './version';
