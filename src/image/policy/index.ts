export { type Admission, type KeptSignature, openAdmission } from './admission';
export { Policies, type PolicyPaths } from './policies';
export { Recheck } from './recheck';
