export { defaultRegistriesConf, loadRegistriesConf, type RegistriesConf, type RegistriesConfPaths } from './load';
export { candidatesOf, type Candidates } from './short-names';
export { pullSources, type PullSource } from './sources';
