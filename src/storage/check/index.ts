export { createStorageCheck, type CheckParts, type StorageCheck } from './storage-check';
export { setAside } from './aside';
