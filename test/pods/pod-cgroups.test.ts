import { setImmediate } from 'node:timers/promises';
import { silentLog } from '../../src/base';
import { configSchema } from '../../src/config/schema';
import { FakeKernel } from '../../src/kernel';
import { cgroupSettings, planPodCgroup, type PodCgroup } from '../../src/pods/cgroup';
import { PodCgroups } from '../../src/pods/pod-cgroups';
import type { SandboxRecord } from '../../src/state';
import { PodSandboxConfig } from '../../src/wire';

let kernel: FakeKernel;
let table: Map<string, SandboxRecord>;
let cgroups: PodCgroups;

beforeEach(() => {
  kernel = new FakeKernel();
  table = new Map();
  cgroups = new PodCgroups(kernel, table, silentLog());
});

const id = 'abcdef0123456789'.repeat(4);
const plan = (systemd: boolean, cgroupParent: string) =>
  planPodCgroup(
    cgroupSettings(configSchema.parse({}).runtime, systemd, 'berth-1'),
    PodSandboxConfig.fromPartial({ metadata: { name: 'a', namespace: 'n', uid: 'u' }, linux: { cgroupParent } }),
    id,
  );

/** A pod on record with this cgroup. */
function onRecord(name: string, cgroup: PodCgroup): SandboxRecord {
  const record: SandboxRecord = {
    v: 1,
    id: name,
    phase: 'ready',
    config: PodSandboxConfig.fromPartial({}),
    handler: 'runc',
    createdAt: 0n,
    bootId: '',
    ...cgroup,
  };
  table.set(name, record);
  return record;
}

const owned = (cgroupParent: string, cgroupTop?: string): PodCgroup => ({
  cgroupParent,
  ownsCgroup: true,
  ...(cgroupTop && { cgroupTop }),
});

const removals = () => kernel.calls.filter(({ method }) => method === 'removeEmptyCgroup').map(({ args }) => args);

test('systemd makes a slice itself, and is told to forget the pod’s own', async () => {
  const cgroup = plan(true, '');
  expect(await cgroups.claim(cgroup)).toEqual(cgroup);
  await cgroups.make(cgroup);
  expect(kernel.calls).toEqual([]);
  await cgroups.giveBack(onRecord('a', cgroup));
  expect(kernel.calls).toMatchObject([
    { method: 'run', args: [{ path: 'systemctl', args: ['stop', 'berth-1-podabcdef0123456789.slice'] }] },
  ]);
});

test('a slice that systemd does not forget is no reason to keep the pod', async () => {
  kernel.failNext('run', new Error('no systemctl'));
  await cgroups.giveBack(onRecord('a', plan(true, '')));
});

test('what the kubelet made is left alone', async () => {
  await cgroups.giveBack(onRecord('a', plan(true, 'kube.slice')));
  await cgroups.giveBack(onRecord('b', plan(false, '/kube')));
  expect(kernel.calls).toEqual([]);
});

test('of a deep parent the pod has what nobody has made, and what another pod’s record says that berth made', async () => {
  kernel.script('missingCgroup', async () => '/a/b/c');
  const deep = plan(false, '/a/b/c/d');
  expect(await cgroups.claim(deep)).toEqual({ ...deep, ownsCgroup: true, cgroupTop: '/a/b/c' });

  kernel.script('missingCgroup', async () => undefined);
  onRecord('1', { cgroupParent: '/a', ownsCgroup: false });
  onRecord('2', owned('/a/b/c/d', '/a/b'));
  onRecord('3', owned('/a/b/c'));
  onRecord('4', owned('/a/b/c/d/e'));
  expect(await cgroups.claim(deep)).toEqual({ ...deep, ownsCgroup: true, cgroupTop: '/a/b' });
  table.clear();
  onRecord('1', owned('/a/b/c/dd'));
  onRecord('2', { cgroupParent: '/', ownsCgroup: false });
  expect(await cgroups.claim(deep)).toEqual(deep);
});

test('a folder goes with the last pod in it', async () => {
  const [one, two, three] = ['one', 'two', 'three'].map((name) => onRecord(name, owned('/top/shared', '/top')));
  const own = onRecord('own', owned('/top/own', '/top'));
  if (!one || !two || !three) throw new Error('three are on record');
  await cgroups.giveBack(one);
  table.delete('one');
  expect(removals()).toEqual([]);
  await cgroups.giveBack(own);
  table.delete('own');
  expect(removals()).toEqual([['/top/own', '/top/own']]);
  // Two at once: neither waits for the other to be the last.
  await Promise.all([cgroups.giveBack(two), cgroups.giveBack(three)]);
  expect(removals().slice(1)).toEqual([['/top/shared', '/top']]);
});

test('a pod whose removal has failed is no reason to keep a folder for', async () => {
  const [stuck, other] = [onRecord('stuck', owned('/top')), onRecord('other', owned('/top'))];
  await cgroups.giveBack(stuck);
  kernel.failNext('removeEmptyCgroup', new Error('no'));
  await expect(cgroups.giveBack(other)).rejects.toThrow('no');
  await cgroups.giveBack(stuck);
  expect(removals()).toEqual([
    ['/top', '/top'],
    ['/top', '/top'],
  ]);
});

test('a pod that comes while its cgroup is removed makes it when that is over', async () => {
  let end = () => undefined as void;
  const removal = new Promise<void>((resolve) => (end = resolve));
  kernel.script('removeEmptyCgroup', () => removal);
  const left = cgroups.giveBack(onRecord('old', owned('/top')));
  const made = cgroups.make(onRecord('new', owned('/top')));
  await setImmediate();
  expect(kernel.calls.map(({ method }) => method)).toEqual(['removeEmptyCgroup']);
  end();
  await Promise.all([left, made]);
  expect(kernel.calls.map(({ method }) => method)).toEqual(['removeEmptyCgroup', 'createCgroup']);
});
