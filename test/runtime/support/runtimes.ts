import { existsSync, readFileSync } from 'node:fs';
import { pathOf, type RuntimeName } from './container';

/** A runtime, and why it cannot be tested on this machine. */
interface Candidate {
  readonly runtime: Exclude<RuntimeName, 'fake'>;
  readonly missing: string | undefined;
}

/** crun wants to see each hierarchy of cgroup v1 that the kernel has in use. */
function unmountedHierarchy(): string | undefined {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  const controllers = readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .map((line) => line.split(':')[1] ?? '')
    .filter((names) => names !== '');
  return controllers.find(
    (names) => !mounts.split('\n').some((line) => line.includes(' - cgroup ') && line.endsWith(names)),
  );
}

/** On a host of both cgroup versions crun wants all controllers in version 1. */
function controllersOfV2(): string {
  const folder = '/sys/fs/cgroup/unified';
  return existsSync(folder) ? readFileSync(`${folder}/cgroup.controllers`, 'utf8').trim() : '';
}

function missingForCrun(): string | undefined {
  if (!existsSync(pathOf('crun'))) return 'crun is not installed';
  const unified = controllersOfV2();
  if (unified !== '') return `the cgroup v2 hierarchy beside version 1 has ${unified}`;
  const unmounted = unmountedHierarchy();
  return unmounted && `the cgroup v1 hierarchy ${unmounted} is not mounted`;
}

const candidates: readonly Candidate[] = [
  { runtime: 'runc', missing: undefined },
  { runtime: 'crun', missing: missingForCrun() },
];

/** The same tests with every runtime that works here; the name of a suite that is left out says why. */
export function describeRuntimes(name: string, suite: (runtime: RuntimeName) => void): void {
  for (const { runtime, missing } of candidates)
    if (missing === undefined) describe(`${name}, ${runtime}`, () => suite(runtime));
    else describe.skip(`${name}, ${runtime}: not here, for ${missing}`, () => suite(runtime));
}
