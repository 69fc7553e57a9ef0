import { checkResources, containerSpec, infraSpec } from '../../src/spec';
import { facts, privilegedSandbox, secured, specInput } from './fixture';

type Over = Parameters<typeof specInput>[0];
const linuxOf = (over: Over = {}) => containerSpec(specInput(over)).spec.linux;

describe('namespaces', () => {
  test('the pod’s by path, its own mounts and processes', () => {
    expect(linuxOf().namespaces).toEqual([
      { type: 'mount' },
      { type: 'pid' },
      { type: 'network', path: '/ns/net' },
      { type: 'ipc', path: '/ns/ipc' },
      { type: 'uts', path: '/ns/uts' },
    ]);
  });
  test('what is the host’s is left out', () => {
    const sandbox = { netns: undefined, ipcns: undefined, utsns: undefined, pidNamespace: { kind: 'host' } as const };
    expect(linuxOf({ sandbox }).namespaces).toEqual([{ type: 'mount' }]);
  });
  test('a shared PID namespace by path', () => {
    const sandbox = { pidNamespace: { kind: 'path', path: '/ns/pid' } as const };
    expect(linuxOf({ sandbox }).namespaces).toContainEqual({ type: 'pid', path: '/ns/pid' });
  });
  test.each([
    ['v2', false, true],
    ['v2', true, false],
    ['hybrid', false, false],
    ['v1', false, false],
  ] as const)('a cgroup namespace on %s, privileged %s: %s', (cgroup, privileged, expected) => {
    const { namespaces } = linuxOf({
      facts: { cgroup },
      config: secured({ privileged }),
      sandbox: { config: privilegedSandbox },
    });
    expect(namespaces.some(({ type }) => type === 'cgroup')).toBe(expected);
  });
});

describe('resources', () => {
  /** As CreateContainer does: the request is checked before all else. */
  const resourcesOf = (resources: object, over: Over = {}) => {
    const input = specInput({ config: { linux: { resources } }, ...over });
    const asked = input.config.linux?.resources;
    if (asked)
      checkResources({ op: 'CreateContainer', object: 'container c1', field: 'config.linux.resources' }, asked);
    return containerSpec(input).spec.linux.resources;
  };
  const devices = [{ allow: false, access: 'rwm' }];

  test('zero and empty are not set', () => {
    expect(resourcesOf({})).toEqual({ devices });
    expect(linuxOf().resources).toEqual({ devices });
  });
  test('everything', () => {
    const resources = {
      cpuPeriod: 100000n,
      cpuQuota: 50000n,
      cpuShares: 512n,
      cpusetCpus: '0-1',
      cpusetMems: '0',
      memoryLimitInBytes: 1n << 30n,
      memorySwapLimitInBytes: 1n << 31n,
      hugepageLimits: [{ pageSize: '2MB', limit: 4194304n }],
      unified: { 'memory.high': '1000' },
    };
    const expected = {
      devices,
      cpu: { shares: 512, quota: 50000, period: 100000, cpus: '0-1', mems: '0' },
      memory: { limit: 2 ** 30, swap: 2 ** 31 },
      hugepageLimits: [{ pageSize: '2MB', limit: 4194304 }],
      pids: { limit: 100 },
      unified: { 'memory.high': '1000' },
    };
    const over = { defaults: { env: [], pidsLimit: 100 }, facts: { cgroup: 'v2', swapAccounting: true } as const };
    expect(resourcesOf(resources, over)).toEqual(expected);
  });
  test.each([
    [true, 0n, { limit: 4_194_304, swap: 4_194_304 }],
    [true, -1n, { limit: 4_194_304, swap: -1 }],
    [false, 0n, { limit: 4_194_304 }],
    [false, 8_388_608n, { limit: 4_194_304 }],
  ])('swap accounting %s, swap limit %s', (swapAccounting, memorySwapLimitInBytes, memory) => {
    expect(
      resourcesOf({ memoryLimitInBytes: 4n << 20n, memorySwapLimitInBytes }, { facts: { swapAccounting } }).memory,
    ).toEqual(memory);
  });
  test('what has no controller is left out, and told if it was more than 0', () => {
    const over = { facts: { controllers: ['cpu'] }, defaults: { env: [], pidsLimit: 5 } };
    expect(resourcesOf({ hugepageLimits: [{ pageSize: '2MB', limit: 0n }] }, over)).toEqual({ devices });
    const huge = { hugepageLimits: [{ pageSize: '2MB', limit: 1n }], unified: { 'memory.high': '1' } };
    expect(containerSpec(specInput({ ...over, config: { linux: { resources: huge } } })).notes).toEqual([
      expect.stringContaining('hugetlb'),
      expect.stringContaining('unified'),
    ]);
  });
  test('a number that JSON cannot carry is refused with its field', () => {
    expect(() => resourcesOf({ memoryLimitInBytes: 2n ** 62n })).toThrow(
      /memory_limit_in_bytes is 4611686018427387904/,
    );
  });
});

describe('devices', () => {
  const fuse = {
    path: '/dev/fuse',
    type: 'c',
    major: 10,
    minor: 229,
    mode: 0o20666,
    uid: 0,
    gid: 1,
    access: 'rw',
  } as const;
  test('nodes and rules', () => {
    const { devices, resources } = linuxOf({ devices: [fuse] });
    expect(devices).toEqual([{ path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 1 }]);
    expect(resources.devices).toEqual([
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
    ]);
  });
  test('privileged: all are allowed', () => {
    const { devices, resources } = linuxOf({
      devices: [fuse],
      config: secured({ privileged: true }),
      sandbox: { config: privilegedSandbox },
    });
    expect(devices).toHaveLength(1);
    expect(resources.devices).toEqual([{ allow: true, access: 'rwm' }]);
  });
  test('a pipe has a node and no rule', () => {
    const { devices, resources } = linuxOf({ devices: [{ ...fuse, type: 'p' }] });
    expect(devices).toHaveLength(1);
    expect(resources.devices).toHaveLength(1);
  });
  test.each([
    [{ ...fuse, access: 'rx' }, /permissions "rx"/],
    [{ ...fuse, access: '' }, /permissions ""/],
    [{ ...fuse, path: 'fuse' }, /not absolute/],
  ])('refuses %j', (device, message) => {
    expect(() => linuxOf({ devices: [device] })).toThrow(message);
  });
});

test('annotations name pod, container and image', () => {
  expect(containerSpec(specInput()).spec.annotations).toEqual({
    'io.kubernetes.cri.container-type': 'container',
    'io.kubernetes.cri.sandbox-id': 's1',
    'io.kubernetes.cri.sandbox-name': 'web',
    'io.kubernetes.cri.sandbox-namespace': 'shop',
    'io.kubernetes.cri.sandbox-uid': 'u-1',
    'io.kubernetes.cri.container-name': 'nginx',
    'io.kubernetes.cri.image-name': 'registry.example/nginx:1',
  });
});

test('the spec is plain JSON', () => {
  const { spec } = containerSpec(
    specInput({
      config: { linux: { resources: { cpuShares: 2n }, securityContext: { seccomp: {}, runAsUser: { value: 5n } } } },
    }),
  );
  expect(JSON.parse(JSON.stringify(spec))).toEqual(spec);
});

test('the holder of a PID namespace has no rights', () => {
  const { config } = specInput().sandbox;
  const spec = infraSpec({
    sandboxId: 's1',
    config,
    namespaces: { netns: '/ns/net' },
    rootfsPath: '/infra',
    cgroupPath: '/pod/s1',
    facts,
  });
  expect(spec.root).toEqual({ path: '/infra', readonly: true });
  expect(spec.process).toMatchObject({ args: ['/pause'], noNewPrivileges: true, oomScoreAdj: 0, user: { uid: 65534 } });
  expect(Object.values(spec.process.capabilities).flat()).toEqual([]);
  expect(spec.linux.namespaces).toEqual([{ type: 'mount' }, { type: 'pid' }, { type: 'network', path: '/ns/net' }]);
  expect(spec.annotations['io.kubernetes.cri.container-type']).toBe('sandbox');
  expect(
    infraSpec({
      sandboxId: 's1',
      config,
      namespaces: {},
      rootfsPath: '/',
      cgroupPath: '/',
      facts: { ...facts, hasSysResource: true },
    }).process.oomScoreAdj,
  ).toBe(-998);
});
