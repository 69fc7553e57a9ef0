import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Ground, run, until, untilTerm } from './support/ground';

let ground: Ground;
let pod: string;
beforeAll(async () => {
  ground = await Ground.create();
  pod = await ground.pod();
});
afterAll(() => ground.dispose());

/** Holds who reads the container's bundle until the function that it gives is called. */
async function holdBundle(id: string): Promise<() => Promise<void>> {
  const path = join(ground.root, 'containers', id, 'config.json');
  const spec = await readFile(path);
  await run('mkfifo', [`${path}.fifo`]);
  await rename(`${path}.fifo`, path);
  const writer = await open(path, 'r+');
  return async () => {
    await writer.writeFile(spec);
    await writer.close();
  };
}

test.each([
  ['ended', { code: 'container-state', detail: 'it is exited, not running' }],
  ['been removed', { code: 'container-not-found' }],
])('an exec that meets no monitor any more, for the container has %s, is told so', async (end, told) => {
  const { containers } = ground.engine;
  const id = await ground.running(pod, untilTerm);
  const monitor = await ground.monitorPid(id);
  const go = await holdBundle(id);
  const late = containers.execSync(id, ['/bin/busybox', 'true'], 0);
  late.catch(() => undefined);
  await (end === 'ended' ? containers.stop(id, 0) : containers.remove(id));
  await until('the monitor has left', async () => (await ground.processes()).every(({ pid }) => pid !== monitor));
  await go();
  await expect(late).rejects.toMatchObject(told);
  await containers.remove(id);
});

test('an exec whose monitor is lost while the container runs is told of the monitor', async () => {
  const { containers } = ground.engine;
  const id = await ground.running(pod, untilTerm);
  const go = await holdBundle(id);
  const late = containers.execSync(id, ['/bin/busybox', 'true'], 0);
  late.catch(() => undefined);
  const socket = join(ground.dir, 'run', 's', id.slice(0, 16));
  await rename(socket, `${socket}.away`);
  await go();
  await expect(late).rejects.toMatchObject({ code: 'monitor-lost' });
  await rename(`${socket}.away`, socket);
  await containers.remove(id);
});
