import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cdiDevices, hookFolders } from '../../src/containers';

let root: string;
let low: string;
let high: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-cdi-'));
  [low, high] = [join(root, 'low'), join(root, 'high')];
  await Promise.all([mkdir(low), mkdir(high)]);
});
afterEach(() => rm(root, { recursive: true }));

const spec = (env: string, over: object = {}) => ({
  cdiVersion: '0.6.0',
  kind: 'example.com/gpu',
  devices: ['0', '1'].map((name) => ({ name, containerEdits: { env: [`${env}${name}=1`] } })),
  containerEdits: { env: [`${env}=1`] },
  ...over,
});
const write = (folder: string, name: string, value: object) => writeFile(join(folder, name), JSON.stringify(value));
const envs = async (...names: string[]) =>
  (await cdiDevices(() => [low, high, join(root, 'absent')])(names)).flatMap(({ env }) => env ?? []);

test('a spec’s own edits come once, before those of its devices', async () => {
  await write(low, 'a.json', spec('A'));
  expect(await envs('example.com/gpu=1', 'example.com/gpu=0')).toEqual(['A=1', 'A1=1', 'A0=1']);
  expect(await envs()).toEqual([]);
});

test('a later folder wins; two files of one folder are a conflict', async () => {
  await write(low, 'a.json', spec('A'));
  await write(high, 'b.json', spec('B'));
  expect(await envs('example.com/gpu=0')).toEqual(['B=1', 'B0=1']);
  await write(high, 'c.json', spec('C'));
  await expect(envs('example.com/gpu=0')).rejects.toMatchObject({
    code: 'cdi-device-missing',
    message: expect.stringMatching(/b\.json and .*c\.json/) as string,
  });
});

test('a change is seen, and a broken file is told only with what is missing', async () => {
  await write(low, 'a.json', spec('A'));
  const devices = cdiDevices(() => [low, high]);
  expect(await devices(['example.com/gpu=0'])).toHaveLength(2);
  await writeFile(join(high, 'broken.json'), '{');
  expect(await devices(['example.com/gpu=0'])).toHaveLength(2);
  await expect(devices(['example.com/gpu=7'])).rejects.toThrow(/no CDI spec .*broken\.json.*JSON/s);
  await write(low, 'a.json', spec('Longer', { kind: 'example.com/other' }));
  await expect(devices(['example.com/gpu=0'])).rejects.toMatchObject({ code: 'cdi-device-missing' });
});

test('device nodes are those of the host; one that is none is told', async () => {
  const nodes = (deviceNodes: object[]) =>
    spec('A', { devices: [{ name: '0', containerEdits: { deviceNodes } }], containerEdits: {} });
  await write(
    low,
    'a.json',
    nodes([
      { path: '/dev/mine', hostPath: '/dev/null' },
      { path: '/dev/full', type: 'c' },
    ]),
  );
  const [, edits] = await cdiDevices(() => [low])(['example.com/gpu=0']);
  expect(edits?.nodes).toMatchObject([
    { path: '/dev/mine', type: 'c', major: 1, minor: 3, mode: 0o666, access: 'rwm' },
    { path: '/dev/full', type: 'c', major: 1, minor: 7 },
  ]);
  await write(low, 'a.json', nodes([{ path: '/dev/none-such' }]));
  await expect(cdiDevices(() => [low])(['example.com/gpu=0'])).rejects.toThrow(/\/dev\/none-such: ENOENT/);
  await write(low, 'a.json', nodes([{ path: '/dev/null', type: 'b' }]));
  await expect(cdiDevices(() => [low])(['example.com/gpu=0'])).rejects.toThrow(/type c, not b/);
});

test('hooks of a later folder replace those of the same name; a broken one is an error', async () => {
  const hook = (path: string) => ({ version: '1.0.0', hook: { path }, when: { always: true }, stages: ['prestart'] });
  await write(low, '20.json', hook('/low/20'));
  await write(low, '10.json', hook('/low/10'));
  await write(high, '20.json', hook('/high/20'));
  await writeFile(join(high, 'README'), 'no hook');
  const hooks = hookFolders(() => [low, high]);
  expect((await hooks()).map((each) => each.hook.path)).toEqual(['/low/10', '/high/20']);
  await writeFile(join(high, '30.json'), '{}');
  await expect(hooks()).rejects.toMatchObject({ code: 'hook-invalid' });
  await rm(join(high, '30.json'));
  expect(await hooks()).toHaveLength(2);
});
