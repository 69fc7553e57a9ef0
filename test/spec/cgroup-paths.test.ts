import { cgroupParentPlace, containerPlace, ociCgroupsPath, slicePath } from '../../src/spec';

const subject = { op: 'RunPodSandbox', object: 'pod a/b', field: 'config.linux.cgroup_parent' };

test.each([
  ['kubepods.slice', '/kubepods.slice'],
  ['a-b-c.slice', '/a.slice/a-b.slice/a-b-c.slice'],
  ['-.slice', '/'],
  ['kubepods-pod1_2.slice', '/kubepods.slice/kubepods-pod1_2.slice'],
  ['odd\\x2dname.slice', '/odd\\x2dname.slice'],
])('the cgroup of %s', (slice, path) => {
  expect(slicePath(slice)).toBe(path);
});

test.each(['.slice', 'a', 'a--b.slice', '-a.slice', 'a-.slice', 'a/b.slice', 'a b.slice', `${'a'.repeat(255)}.slice`])(
  '%s is no slice',
  (slice) => expect(slicePath(slice)).toBeUndefined(),
);

describe('cgroupfs', () => {
  test('takes an absolute path', () => {
    expect(cgroupParentPlace('/kubepods/pod1', 'cgroupfs', subject)).toEqual({ path: '/kubepods/pod1' });
  });

  test.each(['kubepods/pod1', '/', '/a//b', '/a/', '/a/../b', '/a/.'])('refuses %s', (given) => {
    expect(() => cgroupParentPlace(given, 'cgroupfs', subject)).toThrow(/cgroup_parent is .* no absolute path/);
  });

  test('refuses a slice and says which setting to change', () => {
    expect(() => cgroupParentPlace('/kubepods.slice', 'cgroupfs', subject)).toThrow(
      /RunPodSandbox: pod a\/b: config.linux.cgroup_parent .* slice .*runtime.cgroup_driver = "systemd"/,
    );
  });

  test('puts a container below its pod', () => {
    const place = containerPlace({ path: '/kubepods/pod1' }, 'abc');
    expect(place).toEqual({ path: '/kubepods/pod1/abc' });
    expect(ociCgroupsPath(place)).toBe('/kubepods/pod1/abc');
  });
});

describe('systemd', () => {
  const pod = '/kubepods.slice/kubepods-pod1.slice';

  test.each(['kubepods-pod1.slice', pod, pod.slice(1)])('takes %s', (given) => {
    expect(cgroupParentPlace(given, 'systemd', subject)).toEqual({ path: pod, cgroupDriver: 'systemd' });
  });

  test.each([
    ['/kubepods/pod1', /no slice.*runtime.cgroup_driver = "cgroupfs"/],
    ['/other.slice/kubepods-pod1.slice', /lies elsewhere.*kubepods.slice\/kubepods-pod1.slice/],
    ['/../kubepods.slice', /lies elsewhere/],
  ])('refuses %s', (given, message) => {
    expect(() => cgroupParentPlace(given, 'systemd', subject)).toThrow(message);
  });

  test('names a container as a scope of the slice', () => {
    const place = containerPlace({ path: pod, cgroupDriver: 'systemd' }, 'infra-abc');
    expect(place.path).toBe(`${pod}/berth-infra-abc.scope`);
    expect(ociCgroupsPath(place)).toBe('kubepods-pod1.slice:berth:infra-abc');
  });

  test('knows the root slice by its name', () => {
    const place = containerPlace({ path: '/', cgroupDriver: 'systemd' }, 'abc');
    expect(place.path).toBe('/berth-abc.scope');
    expect(ociCgroupsPath(place)).toBe('-.slice:berth:abc');
  });
});
