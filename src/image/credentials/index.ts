export { credentialsFromFiles } from './auth-file';
export { basicHeader, type Credentials, noCredentials } from './credentials';
export { credentialsFromCri } from './cri-auth';
