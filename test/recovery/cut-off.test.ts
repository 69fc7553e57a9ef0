import type { ContainerRecord, SandboxRecord, State } from '../../src/state';
import { NamespaceMode } from '../../src/wire';
import { deaf, Ground, shell, until, untilTerm } from '../containers/support/ground';

let ground: Ground;
beforeEach(async () => void (ground = await Ground.create({ plugins: ['tail'] })));
afterEach(() => ground.dispose());

/** What a kill leaves of an object: its record's phase, with everything there or as much as the function leaves. */
type Intent = 'creating' | 'removing';

const editContainer = (id: string, change: (record: ContainerRecord) => ContainerRecord) => (state: State) => {
  const record = state.containers.get(id);
  if (!record) throw new Error('no such container');
  return state.containers.put(change(record));
};
const editPod = (id: string, change: (record: SandboxRecord) => SandboxRecord) => (state: State) => {
  const record = state.sandboxes.get(id);
  if (!record) throw new Error('no such pod');
  return state.sandboxes.put(change(record));
};

/** The record as it was before the OCI runtime had answered. */
function asCreating({ init: _init, ...record }: ContainerRecord): ContainerRecord {
  return { ...record, phase: 'creating', startedAt: 0n };
}

test.each<[Intent, 'created' | 'running']>([
  ['creating', 'created'],
  ['removing', 'created'],
  ['removing', 'running'],
])('a container in phase %s whose monitor and %s process are there is taken down', async (phase, really) => {
  const pod = await ground.pod();
  const id = await (really === 'running' ? ground.running(pod, untilTerm) : ground.container(pod, untilTerm));
  await ground.kill();
  await ground.editState(
    editContainer(id, (record) => (phase === 'creating' ? asCreating(record) : { ...record, phase })),
  );
  const { containers } = await ground.start();
  expect(containers.ofSandbox(pod)).toEqual([]);
  expect((await ground.leftovers()).filter((left) => left.includes(id.slice(0, 16)))).toEqual([]);
});

test('a container in phase creating of which only the root is mounted is taken down', async () => {
  const pod = await ground.pod();
  const model = await ground.container(pod, untilTerm);
  const { storage, images, kernel } = ground.engine;
  const id = 'c'.repeat(64);
  const record: ContainerRecord = { ...asCreating(ground.record(model)), id, cgroupPath: `${ground.cgroup}/${id}` };
  await storage.mountRootfs({ containerId: id, chainIds: images.list()[0]?.chainIds ?? [] });
  await kernel.createCgroup(record.cgroupPath);
  expect((await ground.mounts()).filter((target) => target.includes(id))).toHaveLength(1);
  await ground.kill();
  await ground.editState((state) => state.containers.put(record));
  const { containers } = await ground.start();
  expect(containers.ofSandbox(pod).map((each) => each.id)).toEqual([model]);
  expect((await ground.leftovers()).filter((left) => left.includes(id))).toEqual([]);
});

test('a container whose process has ended and whose removal was cut off is forgotten with its monitor', async () => {
  const pod = await ground.pod();
  const id = await ground.running(pod, untilTerm);
  await ground.kill();
  await ground.editState(
    editContainer(id, (record) => ({
      ...record,
      phase: 'removing',
      exit: { exitCode: 7, reason: 'Error', message: '', finishedAt: 1n },
    })),
  );
  await ground.start();
  await ground.engine.podLifecycle.remove(pod);
  await ground.expectNothingLeft();
});

test('a folder and an exit record whose record a power loss took are removed', async () => {
  const pod = await ground.pod();
  const id = await ground.running(pod, shell('exit 0'));
  await until('it is reaped', () => ground.record(id).reaped === true);
  await ground.kill();
  await ground.powerLoss();
  await ground.editState((state) => state.containers.delete(id));
  await ground.start();
  await ground.engine.podLifecycle.remove(pod);
  await ground.expectNothingLeft();
});

test.each<Intent>(['creating', 'removing'])(
  'a pod in phase %s is taken down, its address given back',
  async (phase) => {
    const pod = await ground.pod({}, NamespaceMode.POD);
    expect(await ground.addresses()).toHaveLength(1);
    await ground.kill();
    await ground.editState(
      editPod(pod, (record) => {
        // The result comes with the next record: a kill during ADD leaves what was known before.
        const { name, confList } = record.network ?? {};
        const before = { attached: true, ips: [], ...(name && confList ? { name, confList } : {}) };
        return { ...record, phase, ...(phase === 'creating' ? { network: before } : {}) };
      }),
    );
    await ground.start();
    expect(ground.engine.pods.get(pod)).toBeUndefined();
    await ground.expectNothingLeft();
  },
);

test('a pod in phase creating of which only the namespaces are pinned is taken down', async () => {
  const model = await ground.pod({}, NamespaceMode.POD);
  const { pods, kernel } = ground.engine;
  const id = 'd'.repeat(64);
  const { netns, ipcns, utsns, shm } = pods.paths(id);
  await kernel.pinNamespaces({ net: netns, ipc: ipcns, uts: utsns, sysctls: {} });
  expect((await ground.leftovers()).filter((left) => left.includes(id))).not.toEqual([]);
  await ground.kill();
  await ground.editState(async ({ sandboxes }) => {
    const record = sandboxes.get(model);
    if (record) await sandboxes.put({ ...record, id, phase: 'creating', netns, ipcns, utsns });
  });
  await ground.start();
  expect((await ground.leftovers()).filter((left) => left.includes(id) || left.includes(shm))).toEqual([]);
  expect(ground.engine.pods.list().map((pod) => pod.id)).toEqual([model]);
});

test('a pod in phase stopping is stopped whole, with what runs in it', async () => {
  const pod = await ground.pod({}, NamespaceMode.POD);
  const id = await ground.running(pod, deaf);
  await ground.kill();
  await ground.editState(editPod(pod, (record) => ({ ...record, phase: 'stopping' })));
  await ground.start();
  expect(ground.engine.pods.get(pod)).toMatchObject({ phase: 'stopped', network: { attached: false } });
  expect(ground.record(id)).toMatchObject({ phase: 'exited', exit: { exitCode: 137 } });
  expect(await ground.addresses()).toEqual([]);
});

test.each<Intent>(['creating', 'removing'])(
  'a pod with a pause in phase %s leaves neither it nor its monitor',
  async (phase) => {
    const namespaceOptions = { network: NamespaceMode.NODE, pid: NamespaceMode.POD };
    const pod = await ground.pod({ linux: { securityContext: { namespaceOptions } } });
    expect((await ground.processes()).filter(({ line }) => line.includes(`infra-${pod}`))).toHaveLength(1);
    await ground.kill();
    await ground.editState(editPod(pod, ({ infra: _infra, ...record }) => ({ ...record, phase })));
    await ground.start();
    await ground.expectNothingLeft();
  },
);
