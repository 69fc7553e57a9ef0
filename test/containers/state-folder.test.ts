import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ground, run, untilTerm } from './support/ground';

let ground: Ground;
beforeAll(async () => void (ground = await Ground.create()));
afterAll(() => ground.dispose());

/** A container that runs, and what an exec has left that was killed while runc bound its own program. */
async function withMount() {
  const id = await ground.running(await ground.pod(), untilTerm);
  const { runtimeRoot } = ground.record(id);
  const place = join(runtimeRoot, id, 'runc.AbCdEf');
  await writeFile(place, '');
  await run('mount', ['--bind', '/usr/sbin/runc', place]);
  expect(await ground.mounts()).toContain(place);
  return { id, place, runtimeRoot };
}

test('what an exec that was killed left mounted goes with the container', async () => {
  const { id, place, runtimeRoot } = await withMount();
  await ground.engine.containers.stop(id, 10);
  await ground.engine.containers.remove(id);
  expect(await ground.mounts()).not.toContain(place);
  expect(await readdir(runtimeRoot)).not.toContain(id);
});

test('and so it does when berthd was killed after runc had forgotten the container', async () => {
  const { id, place, runtimeRoot } = await withMount();
  await ground.kill();
  await run('/usr/sbin/runc', ['--root', runtimeRoot, 'delete', '--force', id]);
  expect(await ground.mounts()).toContain(place);
  await ground.start();
  await ground.ended(id);
  await ground.engine.containers.remove(id);
  expect(await ground.mounts()).not.toContain(place);
  expect(await readdir(runtimeRoot)).not.toContain(id);
});
