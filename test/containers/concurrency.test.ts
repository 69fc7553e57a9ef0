import { deaf, Ground, shell, until, untilTerm } from './support/ground';

let ground: Ground;
let pod: string;
beforeAll(async () => {
  ground = await Ground.create();
  pod = await ground.pod();
});
afterAll(() => ground.dispose());

test('equal CreateContainer calls at once are one container, and a later one gets it too', async () => {
  const { containers } = ground.engine;
  const config = ground.containerConfig(untilTerm);
  const ids = await Promise.all(
    Array.from({ length: 5 }, () => containers.create(pod, structuredClone(config), undefined)),
  );
  ids.push(await containers.create(pod, config, undefined));
  expect(new Set(ids).size).toBe(1);
  expect(containers.ofSandbox(pod)).toHaveLength(1);
  await containers.remove(ids[0] ?? '');
});

test('a caller that gives up leaves a create whose result the next call gets', async () => {
  const { containers } = ground.engine;
  const config = ground.containerConfig(untilTerm);
  const hold = await ground.hold('create');
  const caller = new AbortController();
  const first = containers.create(pod, config, undefined, caller.signal);
  await hold.entered();
  caller.abort();
  await expect(first).rejects.toMatchObject({ code: 'call-cancelled' });
  const second = containers.create(pod, config, undefined);
  await hold.release();
  const id = await second;
  expect(containers.ofSandbox(pod).map((each) => each.id)).toEqual([id]);
  await containers.remove(id);
});

test('removals at once all succeed, during a stop too, and end it', async () => {
  const { containers } = ground.engine;
  const id = await ground.running(pod, deaf);
  const stop = containers.stop(id, 1000);
  await Promise.all([stop, ...Array.from({ length: 5 }, () => containers.remove(id))]);
  expect(containers.ofSandbox(pod)).toEqual([]);
  await expect(Promise.all([containers.stop(id, 0), containers.remove(id)])).resolves.toBeDefined();
  expect((await ground.leftovers()).filter((left) => left.includes(id.slice(0, 16)))).toEqual([]);
});

test('a container that ends at once is always exited with its code, never running', async () => {
  const { containers } = ground.engine;
  const results: unknown[] = [];
  for (let code = 0; code < 20; code++) {
    const id = await ground.running(pod, shell(`exit ${code}`));
    await ground.ended(id);
    await until('it is reaped', () => ground.record(id).reaped === true);
    const { phase, exit, startedAt } = ground.record(id);
    results.push([phase, exit?.exitCode, startedAt > 0n && startedAt <= (exit?.finishedAt ?? 0n)]);
    await containers.remove(id);
  }
  expect(results).toEqual(Array.from({ length: 20 }, (_, code) => ['exited', code, true]));
});

test('a process that ignores TERM is killed when the timeout is over', async () => {
  const id = await ground.running(pod, deaf);
  await ground.engine.containers.stop(id, 1);
  expect(ground.record(id)).toMatchObject({ phase: 'exited', exit: { exitCode: 137, reason: 'Error' } });
});

test('a stop that is joined by a shorter one ends with that', async () => {
  const { containers } = ground.engine;
  const id = await ground.running(pod, deaf);
  const long = containers.stop(id, 1000);
  await Promise.all([long, containers.stop(id, 0)]);
  expect(ground.record(id)).toMatchObject({ phase: 'exited', exit: { exitCode: 137 } });
});

test('a stop that its caller gives up is cancelled for the caller and still ends the container', async () => {
  const id = await ground.running(pod, deaf);
  const caller = new AbortController();
  const stop = ground.engine.containers.stop(id, 1, caller.signal);
  caller.abort();
  await expect(stop).rejects.toMatchObject({ code: 'call-cancelled' });
  expect((await ground.ended(id)).exit?.exitCode).toBe(137);
});

test('a container that was never started is removed and stopped without its timeout', async () => {
  const { containers } = ground.engine;
  const id = await ground.container(pod, untilTerm);
  await containers.stop(id, 1000);
  expect(ground.record(id)).toMatchObject({ phase: 'exited', startedAt: 0n });
  await containers.remove(id);
  expect(containers.get(id)).toBeUndefined();
});

test('two starts at once: one is told that it came too late', async () => {
  const { containers } = ground.engine;
  const id = await ground.container(pod, untilTerm);
  const both = await Promise.allSettled([containers.start(id), containers.start(id)]);
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'container-state' } });
  expect(ground.record(id).phase).toBe('running');
});
