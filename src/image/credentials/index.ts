export type { AuthFile } from './auth-file';
export { usualAuthFiles } from './auth-paths';
export { basicHeader, type Credentials, registryHost } from './credentials';
export type { HelperRunner } from './helper';
export { authFilesName, Keychain, noKeys, type PullKeys } from './keychain';
export { takeNamespacedAuth } from './namespaced';
