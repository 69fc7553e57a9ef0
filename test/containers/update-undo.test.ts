import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LinuxContainerResources } from '../../src/wire';
import { Ground, untilTerm, type ContainerPart } from './support/ground';

let ground: Ground;
let pod: string;
beforeAll(async () => {
  ground = await Ground.create();
  pod = await ground.pod();
});
afterAll(() => ground.dispose());

const mib = 1n << 20n;
const v2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
const files = v2
  ? ['cpu.weight', 'cpu.max', 'cpuset.cpus', 'cpuset.mems', 'memory.max', 'memory.swap.max']
  : [
      'cpu.shares',
      'cpu.cfs_quota_us',
      'cpu.cfs_period_us',
      'cpuset.cpus',
      'cpuset.mems',
      'memory.limit_in_bytes',
      'memory.memsw.limit_in_bytes',
    ];

/** A file of a cgroup, in the hierarchy of its controller. */
const fileOf = (cgroup: string, name: string): string =>
  join('/sys/fs/cgroup', v2 ? '' : name.slice(0, name.indexOf('.')), cgroup, name);

interface Limits {
  readonly kernel: Readonly<Record<string, string>>;
  readonly scores: readonly string[];
  readonly spec: string;
  readonly told: LinuxContainerResources | undefined;
}

/** What the kernel has, and what an exec and people are told. */
async function limits(id: string): Promise<Limits> {
  const { cgroupPath, config } = ground.record(id);
  const kernel = files.map(async (name) => [name, await readFile(fileOf(cgroupPath, name), 'utf8')] as const);
  const processes = await readFile(join(dirname(fileOf(cgroupPath, 'memory.')), 'cgroup.procs'), 'utf8');
  const scores = processes
    .trim()
    .split('\n')
    .map((pid) => readFile(`/proc/${pid}/oom_score_adj`, 'utf8'));
  return {
    kernel: Object.fromEntries(await Promise.all(kernel)),
    scores: await Promise.all(scores),
    spec: await readFile(specOf(id), 'utf8'),
    told: config.linux?.resources,
  };
}

const specOf = (id: string): string => join(ground.root, 'containers', id, 'config.json');

const resources = (part: Parameters<typeof LinuxContainerResources.fromPartial>[0]) =>
  LinuxContainerResources.fromPartial(part);
const change = resources({
  cpuShares: 300n,
  cpuQuota: 20_000n,
  cpuPeriod: 50_000n,
  cpusetCpus: '0',
  memoryLimitInBytes: 64n * mib,
  oomScoreAdj: 500n,
});
const limited: ContainerPart = {
  linux: { resources: { cpuShares: 512n, cpuQuota: 60_000n, cpuPeriod: 100_000n, memoryLimitInBytes: 90n * mib } },
};

/** The first update that the runtime makes is said to have failed. */
async function withUnhappyRuntime(work: () => Promise<void>): Promise<void> {
  const runtime = join(ground.bin, 'runc');
  const once = join(ground.dir, `unhappy-${Date.now()}`);
  await rename(runtime, `${runtime}.real`);
  const script = `case "$*" in *" update "*) if mkdir ${once}; then ${runtime}.real "$@"; echo not today >&2; exit 1; fi;; esac`;
  await writeFile(runtime, `#!/bin/sh\n${script}\nexec ${runtime}.real "$@"\n`, { mode: 0o755 });
  try {
    await work();
  } finally {
    await rename(`${runtime}.real`, runtime);
  }
}

describe.each([
  ['no limits', {}],
  ['limits', limited],
])('of a container with %s a refused update changes nothing', (_, part) => {
  test('where the runtime fails when all was in force, nor does the next one bring any of it', async () => {
    const id = await ground.running(pod, untilTerm, part);
    const before = await limits(id);
    await withUnhappyRuntime(() =>
      expect(ground.engine.containers.updateResources(id, change)).rejects.toThrow(/not today/),
    );
    expect(await limits(id)).toEqual(before);
    await ground.engine.containers.updateResources(id, resources({ cpuShares: 700n }));
    const shares = { [v2 ? 'cpu.weight' : 'cpu.shares']: expect.not.stringMatching(/^300$/) as string };
    expect((await limits(id)).kernel).toEqual({ ...before.kernel, ...shares });
    await ground.engine.containers.remove(id);
  });

  test('where its last step fails', async () => {
    const id = await ground.running(pod, untilTerm, part);
    const before = await limits(id);
    // The spec is written under this name first.
    await mkdir(`${specOf(id)}.new`);
    await expect(ground.engine.containers.updateResources(id, change)).rejects.toThrow(/EISDIR/);
    await rmdir(`${specOf(id)}.new`);
    expect(await limits(id)).toEqual(before);
    await ground.engine.containers.updateResources(id, change);
    expect((await limits(id)).scores).toEqual(before.scores.map(() => '500\n'));
    await ground.engine.containers.remove(id);
  });

  // On cgroup v2 a child may ask for more than its parent has.
  (v2 ? test.skip : test)('where the kernel takes memory and CPUs, and no such quota', async () => {
    const id = await ground.running(pod, untilTerm, part);
    const before = await limits(id);
    const parent = fileOf(dirname(ground.record(id).cgroupPath), 'cpu.cfs_quota_us');
    await writeFile(parent, '70000');
    await expect(
      ground.engine.containers.updateResources(id, { ...change, cpuQuota: 80_000n, cpuPeriod: 100_000n }),
    ).rejects.toThrow(/cfs_quota_us/);
    expect(await limits(id)).toEqual(before);
    await writeFile(parent, '-1');
    await ground.engine.containers.remove(id);
  });
});
