export { type ClientOptions, RegistryClient, type ServedManifest } from './client';
export { createHttp } from './create-http';
export { endpointOf } from './endpoint';
export type { Http } from './http';
export { Meter } from './meter';
export { fetchFile } from './plain-file';
export { defaultPatience, type Patience } from './retry';
