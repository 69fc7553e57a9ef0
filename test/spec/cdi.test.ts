import { cdiDeviceNames, containerSpec, parseCdiFile, type ResolvedEdits } from '../../src/spec';
import { ContainerConfig } from '../../src/wire';
import { refusalOf, specInput } from './fixture';

const yaml = `
cdiVersion: 0.6.0
kind: example.com/gpu
devices:
  - name: "0"
    containerEdits:
      deviceNodes: [{ path: /dev/gpu0, permissions: rw }]
containerEdits:
  env: ["GPU=on"]
`;

test('YAML and JSON say the same', async () => {
  const file = await parseCdiFile('/etc/cdi/a.yaml', yaml);
  expect(file.edits).toEqual({ env: ['GPU=on'] });
  expect([...file.devices]).toEqual([
    ['example.com/gpu=0', { deviceNodes: [{ path: '/dev/gpu0', permissions: 'rw' }] }],
  ]);
  const json = { cdiVersion: '0.6.0', kind: 'example.com/gpu', devices: [{ name: '0', containerEdits: {} }] };
  expect((await parseCdiFile('/etc/cdi/a.json', JSON.stringify(json))).devices.size).toBe(1);
});

test.each([
  ['a version that is not known', yaml.replace('0.6.0', '9.0.0'), /cdiVersion: must be one of/],
  ['a kind without class', yaml.replace('example.com/gpu', 'gpu'), /kind: must be vendor\/class/],
  ['an unknown edit', yaml.replace('env:', 'environment:'), /containerEdits\.environment: unknown key/],
  ['a relative node', yaml.replace('/dev/gpu0', 'gpu0'), /deviceNodes\[0\]\.path: must be an absolute path/],
  ['no YAML', 'a: [', /flow|sequence|collection/i],
  ['a key that is there twice', `${yaml}kind: example.com/other\n`, /unique/i],
])('%s is told with the file', async (_, text, message) => {
  const read = parseCdiFile('/etc/cdi/a.yaml', text);
  await expect(read).rejects.toMatchObject({ code: 'cdi-invalid', object: '/etc/cdi/a.yaml' });
  await expect(read).rejects.toThrow(message);
});

describe('what is asked for', () => {
  const names = (parts: Parameters<typeof ContainerConfig.fromPartial>[0]) =>
    cdiDeviceNames('c1', ContainerConfig.fromPartial(parts));
  test('by CRI’s field and by annotations, each once', () => {
    const annotations = { 'cdi.k8s.io/plugin': 'a.com/b=1,a.com/b=2', unrelated: 'x' };
    expect(names({ CDIDevices: [{ name: 'a.com/b=2' }], annotations })).toEqual(['a.com/b=2', 'a.com/b=1']);
  });
  test('what is no name of a device is refused', () => {
    expect(refusalOf(() => names({ CDIDevices: [{ name: '../etc' }] }))).toMatchObject({
      code: 'argument-invalid',
      message: expect.stringContaining('CDI_devices has "../etc"') as string,
    });
  });
});

test('edits are laid over the spec: what they bring replaces what is there', () => {
  const node = { path: '/dev/gpu0', type: 'c', major: 9, minor: 1, mode: 0o666, access: 'rw' } as const;
  const edits: ResolvedEdits = {
    env: ['A=new', 'B=2'],
    nodes: [node, { ...node, path: '/dev/gpu1', minor: 2, uid: 5, gid: 6 }],
    mounts: [{ hostPath: '/opt/lib', containerPath: '/dev/shm', options: ['ro', 'rbind'] }],
    hooks: [{ hookName: 'createContainer', path: '/bin/ldcache' }],
    additionalGids: [0, 44],
    intelRdt: { closID: 'gold' },
  };
  const user = { uid: 1000, gid: 1001, additionalGids: [1001], home: '/' };
  const { spec } = containerSpec(
    specInput({
      cdi: [edits],
      user,
      files: { shm: '/run/shm' },
      config: { envs: [{ key: 'A', value: Buffer.from('old') }] },
    }),
  );
  expect(spec.process.env).toEqual(expect.arrayContaining(['A=new', 'B=2']));
  expect(spec.process.env).not.toContain('A=old');
  expect(spec.process.user.additionalGids).toEqual([1001, 44]);
  const device = { type: 'c', major: 9, fileMode: 0o666 };
  expect(spec.linux.devices).toEqual([
    { ...device, path: '/dev/gpu0', minor: 1, uid: 1000, gid: 1001 },
    { ...device, path: '/dev/gpu1', minor: 2, uid: 5, gid: 6 },
  ]);
  expect(spec.linux.resources.devices).toEqual([
    { allow: false, access: 'rwm' },
    { allow: true, type: 'c', major: 9, minor: 1, access: 'rw' },
    { allow: true, type: 'c', major: 9, minor: 2, access: 'rw' },
  ]);
  expect(spec.mounts.filter(({ destination }) => destination === '/dev/shm')).toEqual([
    { destination: '/dev/shm', source: '/opt/lib', type: 'bind', options: ['ro', 'rbind'] },
  ]);
  expect(spec.hooks).toEqual({ createContainer: [{ path: '/bin/ldcache' }] });
  expect(spec.linux.intelRdt).toEqual({ closID: 'gold' });
});
