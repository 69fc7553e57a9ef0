import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { armFailpoints, silentLog } from '../../src/base';
import { NamespaceMode } from '../../src/wire';
import { Ground, until, untilTerm } from './support/ground';

let ground: Ground;
beforeAll(async () => void (ground = await Ground.create()));
afterAll(() => ground.dispose());

let disarm: () => Promise<void> = async () => undefined;
const arm = (text: string): void => void (disarm = armFailpoints(text, silentLog()));
afterEach(() => disarm());

/** What is there of the container beside its pod: nothing. */
const leftoversOf = async (id: string) => (await ground.leftovers()).filter((left) => left.includes(id.slice(0, 16)));

test.each(['remove-container.removing.before', 'discard-container.delete.after', 'remove-container.forget.before'])(
  'a create whose undo fails at %s is undone by the periodic retry',
  async (failpoint) => {
    const { containers } = ground.engine;
    const pod = await ground.pod();
    arm(`create-container.created.before=error*1;${failpoint}=error*1`);
    await expect(ground.container(pod, untilTerm)).rejects.toThrow(/create-container\.created\.before/);
    const [left, ...others] = containers.ofSandbox(pod);
    expect([containers.list(), others]).toEqual([[], []]);
    await containers.retry();
    expect(containers.ofSandbox(pod)).toEqual([]);
    expect(await leftoversOf(left?.id ?? '')).toEqual([]);
  },
);

test('the periodic retry leaves a create alone that is under way', async () => {
  const { containers } = ground.engine;
  const pod = await ground.pod();
  const hold = await ground.hold('create');
  const made = ground.container(pod, untilTerm);
  await hold.entered();
  await containers.retry();
  await hold.release();
  await containers.start(await made);
  expect(ground.record(await made).phase).toBe('running');
});

test('a stop and a removal of the pod at once both wait for the create that they cut off', async () => {
  const { containers, podLifecycle } = ground.engine;
  const pod = await ground.pod();
  const hold = await ground.hold('create');
  const made = ground.container(pod, untilTerm);
  await hold.entered();
  let over = 0;
  const ends = [podLifecycle.stop(pod), podLifecycle.remove(pod)].map((end) => end.finally(() => over++));
  await expect(made).rejects.toMatchObject({ code: 'pod-not-ready' });
  expect(over).toBe(0);
  await hold.release();
  await Promise.all(ends);
  expect(containers.ofSandbox(pod)).toEqual([]);
  expect((await ground.leftovers()).filter((left) => left.includes(pod.slice(0, 16)))).toEqual([]);
});

test('a caller that gives up a start leaves a container that runs and is told as running', async () => {
  const { containers } = ground.engine;
  const id = await ground.container(await ground.pod(), untilTerm);
  const hold = await ground.hold('start');
  const caller = new AbortController();
  const start = containers.start(id, caller.signal);
  await hold.entered();
  caller.abort();
  await expect(start).rejects.toMatchObject({ code: 'call-cancelled' });
  await hold.release();
  await until('it is told as running', () => ground.record(id).phase === 'running');
  expect(ground.record(id).startedAt).toBeGreaterThan(0n);
});

test.each(['start-container.runtime.after', 'start-container.running.before'])(
  'a start that fails at %s succeeds the next time',
  async (failpoint) => {
    const { containers } = ground.engine;
    const id = await ground.container(await ground.pod(), untilTerm);
    arm(`${failpoint}=error*1`);
    await expect(containers.start(id)).rejects.toMatchObject({ code: 'failpoint' });
    await containers.start(id);
    expect(ground.record(id)).toMatchObject({ phase: 'running' });
  },
);

test('an undo waits for the pause that is being made before it deletes it', async () => {
  const said = join(ground.dir, 'said');
  // Half of a create cannot be seen from outside: this one gives a delete all the time to come in between.
  const script = `#!/bin/sh
for word; do case $word in
create)
  echo create >> ${said}
  for _ in 1 2 3 4 5 6 7 8 9 10; do [ "$(tail -n 1 ${said})" = create ] && sleep 0.1; done
  /usr/sbin/runc "$@"; status=$?
  echo created >> ${said}
  exit $status ;;
delete) echo delete >> ${said} ;;
esac; done
exec /usr/sbin/runc "$@"
`;
  const runtime = join(ground.bin, 'runc');
  await rename(runtime, `${runtime}.away`);
  try {
    await writeFile(runtime, script, { mode: 0o755 });
    arm('start-monitor.process.after=error*1');
    const namespaceOptions = { network: NamespaceMode.NODE, pid: NamespaceMode.POD };
    await expect(ground.pod({ linux: { securityContext: { namespaceOptions } } })).rejects.toThrow(/start-monitor/);
    expect(await readFile(said, 'utf8')).toBe('create\ncreated\ndelete\n');
    await until('its monitor is gone', async () => !(await ground.leftovers()).some((left) => left.includes('infra-')));
  } finally {
    await rename(`${runtime}.away`, runtime);
  }
});
