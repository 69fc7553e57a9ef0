export { loadArchive } from './load';
