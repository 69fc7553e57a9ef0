import { NamespaceMode } from '../../src/wire';
import { deaf, Ground, until, untilTerm } from '../containers/support/ground';

let ground: Ground;
beforeEach(async () => void (ground = await Ground.create({ plugins: ['tail'] })));
afterEach(() => ground.dispose());

test('equal RunPodSandbox calls at once are one pod, and a later one gets it too', async () => {
  const config = ground.podConfig({}, NamespaceMode.POD);
  const { pods } = ground.engine;
  const ids = await Promise.all(Array.from({ length: 5 }, () => pods.run(structuredClone(config), '')));
  ids.push(await pods.run(config, ''));
  expect(new Set(ids).size).toBe(1);
  expect(pods.list()).toHaveLength(1);
  expect(await ground.addresses()).toEqual(pods.list()[0]?.network?.ips);
});

test('another attempt of the same pod is another pod', async () => {
  const config = ground.podConfig();
  const again = { ...config, metadata: { name: '', uid: '', namespace: '', ...config.metadata, attempt: 1 } };
  const { pods } = ground.engine;
  const [first, second] = await Promise.all([pods.run(config, ''), pods.run(again, '')]);
  expect(first).not.toBe(second);
});

test('a caller that gives up leaves a job whose result the next call gets', async () => {
  const config = ground.podConfig({}, NamespaceMode.POD);
  const { pods } = ground.engine;
  const caller = new AbortController();
  const first = pods.run(config, '', caller.signal);
  caller.abort();
  await expect(first).rejects.toMatchObject({ code: 'call-cancelled' });
  const id = await pods.run(config, '');
  expect(pods.list().map((pod) => pod.id)).toEqual([id]);
  expect(await ground.addresses()).toHaveLength(1);
});

test('stops and removals at once all succeed, and nothing is left', async () => {
  const pod = await ground.pod({}, NamespaceMode.POD);
  await Promise.all([ground.running(pod, untilTerm), ground.running(pod, untilTerm), ground.container(pod, untilTerm)]);
  const { podLifecycle, pods } = ground.engine;
  await Promise.all([
    podLifecycle.stop(pod),
    podLifecycle.remove(pod),
    podLifecycle.stop(pod),
    podLifecycle.remove(pod),
    podLifecycle.remove(pod),
  ]);
  expect(pods.list()).toEqual([]);
  await ground.expectNothingLeft();
  await expect(Promise.all([podLifecycle.stop(pod), podLifecycle.remove(pod)])).resolves.toBeDefined();
});

test('a stop that its caller gives up goes on', async () => {
  const pod = await ground.pod({}, NamespaceMode.POD);
  const id = await ground.running(pod, deaf);
  const { podLifecycle, pods } = ground.engine;
  const caller = new AbortController();
  const stop = podLifecycle.stop(pod, caller.signal);
  caller.abort();
  await expect(stop).rejects.toMatchObject({ code: 'call-cancelled' });
  await podLifecycle.stop(pod);
  expect(pods.get(pod)?.phase).toBe('stopped');
  expect(ground.record(id).exit?.exitCode).toBe(137);
  expect(await ground.addresses()).toEqual([]);
});

test('a pod that is stopped takes no container any more, and its create that runs is taken back', async () => {
  const pod = await ground.pod();
  const hold = await ground.hold('create');
  const { containers, podLifecycle, pods } = ground.engine;
  const creating = containers.create(pod, ground.containerConfig(untilTerm), undefined);
  creating.catch(() => undefined);
  await hold.entered();
  const stop = podLifecycle.stop(pod);
  await until('the pod is being stopped', () => pods.get(pod)?.phase === 'stopping');
  await hold.release();
  await stop;
  await expect(creating).rejects.toMatchObject({ code: 'pod-not-ready' });
  await expect(ground.container(pod, untilTerm)).rejects.toMatchObject({ code: 'pod-not-ready' });
  expect(containers.ofSandbox(pod)).toEqual([]);
  await podLifecycle.remove(pod);
  await ground.expectNothingLeft();
});

test('a pod that shares its PID namespace leaves nothing of its pause', async () => {
  const namespaceOptions = { network: NamespaceMode.NODE, pid: NamespaceMode.POD };
  const pod = await ground.pod({ linux: { securityContext: { namespaceOptions } } });
  const { containers, podLifecycle } = ground.engine;
  const first = await ground.running(pod, untilTerm, { linux: { securityContext: { namespaceOptions } } });
  const { stdout } = await containers.execSync(first, ['/bin/busybox', 'cat', '/proc/1/comm'], 5);
  expect(String(stdout)).toBe('pause\n');
  await podLifecycle.remove(pod);
  await ground.expectNothingLeft();
});
