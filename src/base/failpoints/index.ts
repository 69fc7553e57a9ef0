export { armFailpoints, step } from './failpoint';
export { failpoints, failSteps, type FailStep } from './steps';
