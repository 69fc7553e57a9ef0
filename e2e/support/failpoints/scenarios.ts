import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import {
  ContainerState,
  NamespaceMode,
  type NamespaceOption,
  PodSandboxConfig,
  PodSandboxState,
  Protocol,
} from '../../../src/wire';
import { tarOf } from '../archive';
import { checkpointOf, checkpointParts } from '../checkpoint-parts';
import { imageSpec } from '../cri';
import { images } from '../fixtures';
import { freePort } from '../machine';
import { rejection } from '../matchers';
import type { Pod, Running, World } from '../world';

/** What is there before the call. */
export interface Given {
  readonly config: PodSandboxConfig;
  readonly pod?: Pod;
  readonly container?: Running;
}

/** A call that comes by some steps, told by how their names begin. */
export interface Scenario {
  given(world: World): Promise<Given>;
  call(world: World, given: Given): Promise<void>;
  /** Fails unless the call has done its work. */
  done(world: World, given: Given): Promise<void>;
  /** Other failpoints that have to act for its own to be reached. */
  readonly also?: string;
  /** Whether a call that fails takes back what it has made. */
  readonly undoes: boolean;
}

type NamespaceOptions = Partial<NamespaceOption>;

const mapping = [{ hostId: 700_000, containerId: 0, length: 65_536 }];
const ownUsers: NamespaceOptions = { usernsOptions: { mode: NamespaceMode.POD, uids: mapping, gids: mapping } };

/** A pod with all that every pod can have: a network, a host port, a pause, a cgroup of its own. */
async function fullPod(world: World, more?: NamespaceOptions): Promise<PodSandboxConfig> {
  const namespaceOptions = { network: NamespaceMode.POD, pid: NamespaceMode.POD, ipc: NamespaceMode.POD, ...more };
  const portMappings = [{ protocol: Protocol.TCP, containerPort: 80, hostPort: await freePort(), hostIp: '' }];
  const config = world.podConfig({ portMappings, linux: { securityContext: { namespaceOptions } } });
  return PodSandboxConfig.fromPartial({ ...config, linux: { ...config.linux, cgroupParent: '' } });
}

async function fullPodRunning(world: World, more?: NamespaceOptions): Promise<Given> {
  const pod = await world.runPod(await fullPod(world, more));
  return { config: pod.config, pod, container: await world.start({}, pod) };
}

async function containerIn(world: World, how: 'create' | 'start'): Promise<Given> {
  const container = await world[how]();
  return { config: container.pod.config, pod: container.pod, container };
}

const there = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('the scenario has none');
  return value;
};
const idOf = ({ container }: Given): string => there(container).id;
const stateOf = async (world: World, given: Given) => (await world.cri.containerStatus(idOf(given))).state;

const runPod: Scenario = {
  given: async (world) => ({ config: await fullPod(world) }),
  call: async (world, { config }) => void (await world.runPod(config)),
  async done(world, { config }) {
    const [pod, ...others] = await world.cri.listPods();
    expect([pod?.metadata?.name, others]).toEqual([config.metadata?.name, []]);
    expect(await world.cri.podStatus(there(pod).id)).toMatchObject({
      state: PodSandboxState.SANDBOX_READY,
      network: { ip: expect.stringMatching(/^10\./) as unknown },
    });
  },
  undoes: true,
};

/** The container has an image as a volume, and a folder of the node that is not there yet. */
const createContainer: Scenario = {
  async given(world) {
    const pod = await world.runPod(world.podConfig({ host: true }));
    const mounts = [
      { containerPath: '/volume', image: imageSpec(images.volume) },
      { containerPath: '/folder', hostPath: join(world.dir, pod.id) },
    ];
    const config = world.containerConfig({ mounts }, pod);
    return { config: pod.config, pod, container: { id: '', pod, config, log: '' } };
  },
  call: async (world, { pod, container }) =>
    void (await world.cri.create(there(pod).id, there(container).config, there(pod).config)),
  async done(world) {
    const [container, ...others] = await world.cri.listContainers();
    expect(others).toEqual([]);
    await world.cri.start(there(container).id);
    expect(await world.sh(there(container), 'cat /volume/data/kept; ls -d /folder')).toBe('kept\n/folder');
  },
  undoes: true,
};

/** From a checkpoint that has all a create looks at; what only CRIU reads is none. */
const restoreContainer: Scenario = {
  async given(world) {
    const pod = await world.runPod(world.podConfig({ host: true }));
    const imageName = join(world.dir, `${pod.id}.tar`);
    const diff = await tarOf([{ name: 'restored', body: 'written before' }]);
    const root = [
      { name: 'deleted.files', body: '["etc/group"]' },
      { name: 'rootfs-diff.tar', body: diff },
    ];
    await writeFile(imageName, await tarOf([...checkpointParts, checkpointOf(images.busybox), ...root]));
    const config = world.containerConfig({ imageName, command: [] }, pod);
    return { config: pod.config, pod, container: { id: '', pod, config, log: '' } };
  },
  call: createContainer.call,
  async done(world) {
    const [container, ...others] = await world.cri.listContainers();
    expect([container?.state, others]).toEqual([ContainerState.CONTAINER_CREATED, []]);
  },
  undoes: true,
};

const startContainer: Scenario = {
  given: (world) => containerIn(world, 'create'),
  async call(world, given) {
    // What a client does that does not know whether its first call has come through.
    if ((await stateOf(world, given)) === ContainerState.CONTAINER_CREATED) await world.cri.start(idOf(given));
  },
  done: async (world, given) => expect(await world.sh(there(given.container), 'echo alive')).toBe('alive'),
  undoes: false,
};

/** CRIU has nothing to read: the restore fails, and what it has read is deleted all the same. */
const startRestored: Scenario = {
  async given(world) {
    const given = await restoreContainer.given(world);
    await restoreContainer.call(world, given);
    const [container] = await world.cri.listContainers();
    return { ...given, container: { ...there(given.container), id: there(container).id } };
  },
  async call(world, given) {
    if ((await stateOf(world, given)) !== ContainerState.CONTAINER_CREATED) return;
    const error = await rejection(world.cri.start(idOf(given)));
    if (error.code !== status.FAILED_PRECONDITION) throw error;
  },
  done: async (world, given) => expect(await stateOf(world, given)).toBe(ContainerState.CONTAINER_EXITED),
  undoes: false,
};

const stopContainer: Scenario = {
  given: (world) => containerIn(world, 'start'),
  call: (world, given) => world.cri.stop(idOf(given), 0),
  done: async (world, given) =>
    expect(await world.cri.containerStatus(idOf(given))).toMatchObject({
      state: ContainerState.CONTAINER_EXITED,
      exitCode: 137,
    }),
  undoes: false,
};

const removeContainer: Scenario = {
  given: (world) => containerIn(world, 'start'),
  call: (world, given) => world.cri.remove(idOf(given)),
  done: async (world) => expect(await world.cri.listContainers()).toEqual([]),
  undoes: false,
};

const stopPod: Scenario = {
  given: (world) => fullPodRunning(world),
  call: (world, { pod }) => world.cri.stopPod(there(pod).id),
  async done(world, given) {
    expect((await world.cri.podStatus(there(given.pod).id)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
    expect(await stateOf(world, given)).toBe(ContainerState.CONTAINER_EXITED);
  },
  undoes: false,
};

const removePod: Scenario = {
  given: (world) => fullPodRunning(world),
  call: (world, { pod }) => world.cri.removePod(there(pod).id),
  done: async (world) => expect(await world.cri.listPods()).toEqual([]),
  undoes: false,
};

/** A pod that was not stopped: its removal does all that a stop does. */
const scenarios: Readonly<Record<string, Scenario>> = {
  'run-pod': runPod,
  'create-container': createContainer,
  'create-container.checkpoint': restoreContainer,
  'create-container.base-image': restoreContainer,
  'create-container.restore-root': restoreContainer,
  'create-container.restore-spec': restoreContainer,
  'start-monitor': createContainer,
  'start-container': startContainer,
  'start-container.discard-checkpoint': startRestored,
  'stop-container': stopContainer,
  'exit-container': stopContainer,
  // What the end has not given back is given back by the removal.
  'discard-container': { ...removeContainer, also: 'exit-container.delete.before=error*1;' },
  'remove-container': removeContainer,
  'stop-pod': stopPod,
  'stop-pod.unpin-user': { ...stopPod, given: (world) => fullPodRunning(world, ownUsers) },
  'remove-pod': removePod,
};

/** The call that comes by a failpoint; a failpoint of no scenario fails the suite. */
export function scenarioOf(failpoint: string): Scenario {
  const [call = '', step = ''] = failpoint.split('.');
  const scenario = scenarios[`${call}.${step}`] ?? scenarios[call];
  if (!scenario) throw new Error(`no scenario comes by ${failpoint}: name the call in e2e/support/failpoints`);
  return scenario;
}

/** Steps that are also those of an undo, and what fails so that it is done. */
const undoes: readonly { readonly steps: RegExp; readonly scenario: Scenario }[] = [
  {
    steps: /^stop-pod\.unpin-user\./,
    scenario: {
      ...runPod,
      given: async (world) => ({ config: await fullPod(world, ownUsers) }),
      also: 'run-pod.ready.before=error*1;',
    },
  },
  {
    steps: /^(stop-pod\.(close-ports|detach|infra|un.*|taken-down)|remove-pod\.(files|cgroup|forget))\./,
    scenario: { ...runPod, also: 'run-pod.ready.before=error*1;' },
  },
  {
    steps: /^(discard-container|remove-container)\./,
    scenario: { ...createContainer, also: 'create-container.created.before=error*1;' },
  },
];

/** The call whose undo comes by a failpoint, if one does. */
export function undoOf(failpoint: string): Scenario | undefined {
  return undoes.find(({ steps }) => steps.test(failpoint))?.scenario;
}

/** A failure of these steps is not the caller's: it is logged, and made good later or by another step. */
export function isTheCallers(failpoint: string): boolean {
  return !/^(exit-container\.|stop-pod\.detach\.)/.test(failpoint);
}
