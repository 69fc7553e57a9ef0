import { configSchema } from '../../src/config/schema';
import { cgroupSettings, planPodCgroup } from '../../src/pods/cgroup';
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
