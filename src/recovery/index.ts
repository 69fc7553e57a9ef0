export { recover, type RecoveryParts } from './recover';
export { retryPeriodically } from './retry';
