import { silentLog } from '../../src/base';
import { configSchema } from '../../src/config/schema';
import { FakeKernel } from '../../src/kernel';
import { cgroupSettings, claimPodCgroup, makePodCgroup, planPodCgroup, removePodCgroup } from '../../src/pods/cgroup';
import { PodSandboxConfig } from '../../src/wire';

const id = 'abcdef0123456789'.repeat(4);
const runtime = (over: object = {}) => configSchema.parse({ runtime: over }).runtime;
const settings = (over: object, systemd: boolean) => cgroupSettings(runtime(over), systemd, 'berth-1');
const config = (cgroupParent: string) =>
  PodSandboxConfig.fromPartial({ metadata: { name: 'a', namespace: 'n', uid: 'u' }, linux: { cgroupParent } });

test.each([
  [{}, false, { driver: 'cgroupfs', parent: '/berth-1' }],
  [{}, true, { driver: 'systemd', parent: 'berth-1.slice' }],
  [{ cgroup_driver: 'cgroupfs' }, true, { driver: 'cgroupfs', parent: '/berth-1' }],
  [{ cgroup_driver: 'systemd', cgroup_parent: 'pods.slice' }, true, { driver: 'systemd', parent: 'pods.slice' }],
])('settings of %j where systemd runs: %s', (over, systemd, expected) => {
  expect(settings(over, systemd)).toEqual(expected);
});

test.each([
  [{ cgroup_driver: 'systemd' }, false, /runtime.cgroup_driver.*systemd does not run here/],
  [{ cgroup_parent: 'pods.slice' }, false, /runtime.cgroup_parent.*absolute path/],
  [{ cgroup_parent: '/pods' }, true, /runtime.cgroup_parent.*name a slice/],
])('%j is refused where systemd runs: %s', (over, systemd, message) => {
  expect(() => settings(over, systemd)).toThrow(message);
});

test.each([
  [false, '', { cgroupParent: '/berth-1/pod-abcdef0123456789', ownsCgroup: true }],
  [false, '/kubepods/pod1', { cgroupParent: '/kubepods/pod1', ownsCgroup: false }],
  [
    true,
    '',
    {
      cgroupParent: '/berth.slice/berth-1.slice/berth-1-podabcdef0123456789.slice',
      cgroupDriver: 'systemd',
      ownsCgroup: true,
    },
  ],
  [true, 'kube.slice', { cgroupParent: '/kube.slice', cgroupDriver: 'systemd', ownsCgroup: false }],
])('the cgroup of a pod, systemd %s, asked for %j', (systemd, given, expected) => {
  expect(planPodCgroup(settings({}, systemd), config(given), id)).toEqual(expected);
});

test('in the root slice a pod has a slice without a dash', () => {
  const { cgroupParent } = planPodCgroup(settings({ cgroup_parent: '-.slice' }, true), config(''), id);
  expect(cgroupParent).toBe('/podabcdef0123456789.slice');
});

test('systemd makes a slice itself, and is told to forget the pod’s own', async () => {
  const kernel = new FakeKernel();
  const cgroup = planPodCgroup(settings({}, true), config(''), id);
  expect(await claimPodCgroup(kernel, cgroup, [])).toEqual(cgroup);
  await makePodCgroup(kernel, cgroup);
  expect(kernel.calls).toEqual([]);
  await removePodCgroup(kernel, cgroup, silentLog());
  expect(kernel.calls).toMatchObject([
    { method: 'run', args: [{ path: 'systemctl', args: ['stop', 'berth-1-podabcdef0123456789.slice'] }] },
  ]);
});

test('a slice that systemd does not forget is no reason to keep the pod', async () => {
  const kernel = new FakeKernel();
  kernel.failNext('run', new Error('no systemctl'));
  await removePodCgroup(kernel, planPodCgroup(settings({}, true), config(''), id), silentLog());
});

test('what the kubelet made is left alone', async () => {
  const kernel = new FakeKernel();
  for (const [systemd, given] of [
    [true, 'kube.slice'],
    [false, '/kube'],
  ] as const) {
    await removePodCgroup(kernel, planPodCgroup(settings({}, systemd), config(given), id), silentLog());
  }
  expect(kernel.calls).toEqual([]);
});

test('of a deep parent the pod has what nobody has made, and what another pod’s record says that berth made', async () => {
  const kernel = new FakeKernel();
  kernel.script('missingCgroup', async () => '/a/b/c');
  const deep = planPodCgroup(settings({}, false), config('/a/b/c/d'), id);
  expect(await claimPodCgroup(kernel, deep, [])).toEqual({ ...deep, ownsCgroup: true, cgroupTop: '/a/b/c' });

  kernel.script('missingCgroup', async () => undefined);
  const of = (cgroupParent: string, ownsCgroup: boolean, cgroupTop?: string) => ({
    cgroupParent,
    ownsCgroup,
    ...(cgroupTop && { cgroupTop }),
  });
  const others = [of('/a', false), of('/a/b/c/d', true, '/a/b'), of('/a/b/c', true), of('/a/b/c/d/e', true)];
  expect(await claimPodCgroup(kernel, deep, others)).toEqual({ ...deep, ownsCgroup: true, cgroupTop: '/a/b' });
  expect(await claimPodCgroup(kernel, deep, [of('/a/b/c/dd', true), of('/', false)])).toEqual(deep);
});
