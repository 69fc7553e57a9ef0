import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ground, shell, until, untilTerm } from '../containers/support/ground';
import { loadData } from '../containers/support/programs';

let ground: Ground;
beforeEach(async () => void (ground = await Ground.create()));
afterEach(() => ground.dispose());

const upper = (id: string, ...names: string[]) => join(ground.root, 'containers', id, 'upper', ...names);
const writes = shell('echo written > /written; trap "exit 7" TERM; /bin/busybox sleep 1000 & wait');

async function written(pod: string, part = {}): Promise<string> {
  const id = await ground.running(pod, writes, part);
  await until('it has written', () => existsSync(upper(id, 'written')));
  return id;
}

/** What the folder and everything in it is: a touch would change a time. */
const stamp = (id: string) =>
  ['', 'written'].map((name) => {
    const { ino, ctimeNs, mtimeNs } = statSync(upper(id, name), { bigint: true });
    return [ino, ctimeNs, mtimeNs];
  });

async function afterReboot(): Promise<void> {
  await ground.kill();
  await ground.powerLoss();
  await ground.editState(async ({ containers, sandboxes }) => {
    for (const record of [...containers.values()]) await containers.put({ ...record, bootId: 'another boot' });
    for (const record of [...sandboxes.values()]) await sandboxes.put({ ...record, bootId: 'another boot' });
  });
}

test('what containers of an earlier boot have written is deleted, and each end has a true reason', async () => {
  const pod = await ground.pod();
  const ran = await written(pod);
  const created = await ground.container(pod, untilTerm);
  const ended = await written(pod);
  await ground.engine.containers.stop(ended, 10);
  expect((await ground.ended(ended)).exit).toMatchObject({ exitCode: 7 });
  expect(readFileSync(upper(ended, 'written'), 'utf8')).toBe('written\n');
  await afterReboot();
  await ground.start();

  for (const id of [ran, created, ended]) expect(existsSync(join(ground.root, 'containers', id))).toBe(false);
  const exit = (id: string) => ground.record(id).exit;
  expect(exit(ran)).toMatchObject({
    exitCode: 255,
    reason: 'NodeRestarted',
    message: 'the machine was restarted while the container ran',
  });
  expect(exit(created)).toMatchObject({
    exitCode: 255,
    reason: 'NodeRestarted',
    message: 'the machine was restarted before the container was started',
  });
  expect(exit(ended)).toMatchObject({ exitCode: 7, reason: 'Error' });
  expect(await ground.engine.containers.runtimeSpec(ran)).toBeUndefined();
});

test('a start that was killed between the end and the deletion is made up for by the next', async () => {
  const pod = await ground.pod();
  const id = await written(pod);
  await afterReboot();
  const exit = { exitCode: 255, reason: 'NodeRestarted', message: 'the machine was restarted', finishedAt: 1n };
  await ground.editState(async ({ containers }) => {
    for (const record of [...containers.values()]) await containers.put({ ...record, phase: 'exited', exit });
  });
  expect(existsSync(upper(id, 'written'))).toBe(true);
  await ground.start();
  expect(existsSync(join(ground.root, 'containers', id))).toBe(false);
  expect(ground.record(id).exit).toEqual(exit);
});

test('a volume of an earlier boot is forgotten with its container, where the run root outlives the boot', async () => {
  const pod = await ground.pod();
  await ground.engine.images.load(await loadData(ground.dir, 'ground/data:v1'));
  const mount = { containerPath: '/vol', image: { image: 'ground/data:v1' } };
  const id = await written(pod, { mounts: [mount] });
  await afterReboot();
  await mkdir(join(ground.runRoot, 'volumes', id, '0'), { recursive: true });
  await mkdir(join(ground.runRoot, 'mounts', id), { recursive: true });
  await mkdir(join(ground.runRoot, 'volumes', 'unknown', '0'), { recursive: true });
  await ground.start();
  expect(existsSync(join(ground.runRoot, 'volumes', id))).toBe(false);
  expect(existsSync(join(ground.runRoot, 'volumes', 'unknown'))).toBe(false);
});

test('a stop and a start of berthd in one boot touch nothing', async () => {
  const pod = await ground.pod();
  const ran = await written(pod);
  const ended = await written(pod);
  await ground.engine.containers.stop(ended, 10);
  await ground.ended(ended);
  await until('it is unmounted', async () => !(await ground.mounts()).some((target) => target.includes(ended)));
  const before = { stamps: [stamp(ran), stamp(ended)], mounts: (await ground.mounts()).sort() };
  const config = await readFile(join(ground.root, 'containers', ran, 'config.json'), 'utf8');
  await ground.kill();
  await ground.start();
  expect({ stamps: [stamp(ran), stamp(ended)], mounts: (await ground.mounts()).sort() }).toEqual(before);
  expect(await readFile(join(ground.root, 'containers', ran, 'config.json'), 'utf8')).toBe(config);
  const { stdout } = await ground.engine.containers.execSync(ran, ['/bin/busybox', 'cat', '/written'], 10);
  expect(stdout.toString()).toBe('written\n');
});
