import { containerSpec } from '../../src/spec';
import { refusalOf, privilegedSandbox, secured, specInput } from './fixture';

type Over = Parameters<typeof specInput>[0];
const mountsOf = (over: Over) => containerSpec(specInput(over)).spec.mounts;
const destinations = (over: Over) => mountsOf(over).map(({ destination }) => destination);
const at = (over: Over, path: string) => mountsOf(over).find(({ destination }) => destination === path);

const files = { resolvConf: '/p/resolv.conf', hostname: '/p/hostname', shm: '/p/shm' };

describe('default mounts', () => {
  test('in an order in which parents come first', () => {
    expect(destinations({ files })).toEqual([
      '/proc',
      '/dev',
      '/sys',
      '/dev/pts',
      '/dev/mqueue',
      '/dev/shm',
      '/etc/hostname',
      '/etc/resolv.conf',
      '/sys/fs/cgroup',
    ]);
  });

  test('sysfs and cgroups are read-only but for privileged containers', () => {
    for (const path of ['/sys', '/sys/fs/cgroup']) {
      expect(at({}, path)?.options).toContain('ro');
      expect(
        at({ config: secured({ privileged: true }), sandbox: { config: privilegedSandbox } }, path)?.options,
      ).toContain('rw');
    }
  });

  test('the pod’s files are read-only with the root, /dev/shm is not', () => {
    const over = { files, config: secured({ readonlyRootfs: true }) };
    expect(at(over, '/etc/resolv.conf')?.options).toContain('ro');
    expect(at(over, '/dev/shm')?.options).toContain('rw');
    expect(at({ files }, '/etc/resolv.conf')).toMatchObject({ type: 'bind', source: '/p/resolv.conf' });
    expect(at({ files: { hosts: '/p/hosts' } }, '/etc/hosts')?.source).toBe('/p/hosts');
    const zone = at({ defaults: { env: [], localtime: '/z' } }, '/etc/localtime');
    expect([zone?.source, zone?.options.at(-1)]).toEqual(['/z', 'ro']);
  });
});

describe('mounts of CRI', () => {
  test('win over a default at their path and below it, and are sorted by depth', () => {
    const config = {
      mounts: [
        { containerPath: '/a/b/c', hostPath: '/3' },
        { containerPath: '/dev/', hostPath: '/dev' },
        { containerPath: '/a', hostPath: '/1' },
        { containerPath: '/etc/resolv.conf', hostPath: '/own' },
        { containerPath: '/a//x/../b', hostPath: '/2' },
      ],
    };
    expect(destinations({ files, config })).toEqual([
      '/proc',
      '/sys',
      '/dev',
      '/a',
      '/dev/shm',
      '/etc/hostname',
      '/etc/resolv.conf',
      '/a/b',
      '/sys/fs/cgroup',
      '/a/b/c',
    ]);
    expect(at({ files, config }, '/etc/resolv.conf')?.source).toBe('/own');
  });

  test('a path that only begins alike covers nothing', () => {
    expect(destinations({ config: { mounts: [{ containerPath: '/de', hostPath: '/x' }] } })).toContain('/dev/pts');
  });

  test.each([
    [0, 'rprivate', undefined],
    [1, 'rslave', 'rslave'],
    [2, 'rshared', 'rshared'],
  ])('propagation %s is %s, the root %s', (propagation, option, root) => {
    const { spec } = containerSpec(
      specInput({ config: { mounts: [{ containerPath: '/m', hostPath: '/h', propagation }] } }),
    );
    expect(spec.mounts.find(({ destination }) => destination === '/m')).toEqual({
      destination: '/m',
      type: 'bind',
      source: '/h',
      options: ['rbind', option, 'rw'],
    });
    expect(spec.linux.rootfsPropagation).toBe(root);
  });

  test('shared wins over slave for the root', () => {
    const mounts = [1, 2].map((propagation) => ({ containerPath: `/m${propagation}`, hostPath: '/h', propagation }));
    expect(containerSpec(specInput({ config: { mounts } })).spec.linux.rootfsPropagation).toBe('rshared');
  });

  test('read-only, and recursively where that is possible', () => {
    const mount = { containerPath: '/m', hostPath: '/h', readonly: true };
    expect(at({ config: { mounts: [mount] } }, '/m')?.options).toEqual(['rbind', 'rprivate', 'ro']);
    expect(
      at(
        { config: { mounts: [{ ...mount, recursiveReadOnly: true }] }, facts: { recursiveReadOnlyMounts: true } },
        '/m',
      )?.options,
    ).toEqual(['rbind', 'rprivate', 'ro', 'rro']);
  });

  test('with the options that restrict it', () => {
    const mount = { containerPath: '/m', hostPath: '/h', mountOptions: ['noexec', 'nosuid', 'noexec', 'nodev'] };
    const options = ['rbind', 'rprivate', 'rw', 'noexec', 'nosuid', 'nodev'];
    expect(at({ config: { mounts: [mount] } }, '/m')?.options).toEqual(options);
  });

  const rro = { containerPath: '/m', hostPath: '/h', readonly: true, recursiveReadOnly: true };
  test.each([
    ['recursive without readonly', { ...rro, readonly: false }, true, 'container-mount', /without readonly/],
    ['recursive with propagation', { ...rro, propagation: 1 }, true, 'container-mount', /not private/],
    ['recursive without support', rro, false, 'container-mount', /not offered/],
    ['relative container path', { containerPath: 'm', hostPath: '/h' }, true, 'container-mount', /container_path/],
    ['relative host path', { containerPath: '/m', hostPath: 'h' }, true, 'container-mount', /host_path "h"/],
    ['empty host path', { containerPath: '/m', hostPath: '' }, true, 'container-mount', /host_path ""/],
    ['the root', { containerPath: '/x/..', hostPath: '/h' }, true, 'container-mount', /root/],
    ['a NUL byte', { containerPath: '/m', hostPath: '/h\0' }, true, 'container-mount', /NUL/],
    [
      'an option that loosens',
      { containerPath: '/m', hostPath: '/h', mountOptions: ['nodev', 'rshared'] },
      true,
      'container-mount',
      /mount_options has "rshared"/,
    ],
    [
      'unknown propagation',
      { containerPath: '/m', hostPath: '/h', propagation: 7 },
      true,
      'container-mount',
      /propagation 7/,
    ],
  ])('refuses %s', (_name, mount, possible, code, message) => {
    expect(
      refusalOf(() => mountsOf({ config: { mounts: [mount] }, facts: { recursiveReadOnlyMounts: possible } })),
    ).toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
});
