import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { armFailpoints, silentLog } from '../../src/base';
import { Ground, untilTerm } from './support/ground';

let ground: Ground;
beforeAll(async () => void (ground = await Ground.create()));
afterAll(() => ground.dispose());

let count = 0;
/** A place that nobody has made. */
const place = (): string => `${ground.cgroup}-parents-${count++}`;
/** The hierarchies that have the cgroup. */
const holding = (path: string): readonly string[] =>
  ['.', ...readdirSync('/sys/fs/cgroup')].filter((name) => existsSync(join('/sys/fs/cgroup', name, path)));
const podIn = (cgroupParent: string) => {
  const { linux } = ground.podConfig();
  return ground.pod({ linux: { ...linux, cgroupParent } });
};

test('the folders above a cgroup parent that berth made go with the last pod in them', async () => {
  const { kernel, podLifecycle } = ground.engine;
  const top = place();
  await kernel.createCgroup(top);
  const first = await podIn(`${top}/a/b/c`);
  const id = await ground.running(first, untilTerm);
  const second = await podIn(`${top}/a/b/d`);
  const third = await podIn(`${top}/a/b/c`);
  expect(ground.record(id).cgroupPath).toBe(`${top}/a/b/c/${id}`);
  await podLifecycle.remove(first);
  await podLifecycle.remove(third);
  expect([holding(`${top}/a/b/c`), holding(`${top}/a/b/d`).length > 0]).toEqual([[], true]);
  // What is known of it outlives berthd.
  await ground.kill();
  await ground.start();
  await ground.engine.podLifecycle.remove(second);
  expect(holding(`${top}/a`)).toEqual([]);
  // Somebody else's stays, empty as it is.
  expect(holding(top)).not.toEqual([]);
  await ground.engine.kernel.removeEmptyCgroup(top);
});

test.each(['run-pod.files.after', 'run-pod.cgroup.after', 'run-pod.ready.before'])(
  'nothing of a deep cgroup parent is left of a pod that fails at %s',
  async (failpoint) => {
    const top = place();
    const disarm = armFailpoints(`${failpoint}=error*1`, silentLog());
    await expect(podIn(`${top}/a/b`)).rejects.toThrow(failpoint);
    await disarm();
    expect(holding(top)).toEqual([]);
  },
);

test('what others have put into such a folder is left', async () => {
  const { kernel, podLifecycle } = ground.engine;
  const top = place();
  const pod = await podIn(`${top}/a/b`);
  await kernel.createCgroup(`${top}/a/other`);
  await podLifecycle.remove(pod);
  expect([holding(`${top}/a/b`), holding(`${top}/a/other`).length > 0]).toEqual([[], true]);
  await kernel.removeEmptyCgroup(`${top}/a/other`, top);
});
