export { RegistryClient, type ServedManifest } from './client';
export { endpointOf } from './endpoint';
export { Http } from './http';
export { defaultPatience, type Patience } from './retry';
