import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerState, PodSandboxState } from '../../../src/wire';
import { images } from '../fixtures';
import type { Pod, Running, World } from '../world';

/** What stands on the daemon while it is asked: what requests are about. */
export interface Standing {
  /** A folder for what requests name on the node. */
  readonly folder: string;
  /** With a container that runs, one that is created and one that has exited. */
  readonly pod: Pod;
  readonly running: string;
  readonly created: string;
  readonly exited: string;
  /** A pod that requests may stop and remove, with a container that runs and one that is created. */
  readonly victim: { readonly pod: Pod; readonly running: string; readonly created: string };
  readonly stopped: Pod;
}

/** Ends at SIGTERM, so that a stop does not wait. */
const obedient = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 3600 & wait; done'];

/** Keeps what stands: makes again what a request has ended or removed. */
export class Stand {
  private constructor(
    private readonly world: World,
    private held: Standing,
  ) {}

  static async make(world: World): Promise<Stand> {
    for (const image of [images.busybox, images.noCommand, images.volume, images.artifact]) await world.cri.pull(image);
    const folder = await mkdtemp(join(tmpdir(), 'berth-malformed-'));
    await mkdir(join(folder, 'mount'));
    const [pod, stopped] = [await hostPod(world), await hostPod(world)];
    await world.cri.stopPod(stopped.id);
    const { id: exited } = await world.start({ command: ['true'] }, pod);
    await world.exited(exited);
    const kept = await runningAndCreated(world, pod);
    return new Stand(world, { folder, pod, ...kept, exited, victim: await victim(world), stopped });
  }

  get now(): Standing {
    return this.held;
  }

  /** Looks what is still as it was, and makes anew what is not. Gives what is there beyond it. */
  async restore(): Promise<readonly string[]> {
    const { world } = this;
    const containers = await world.cri.listContainers();
    const pods = await world.cri.listPods();
    const is = (id: string, state: ContainerState) =>
      containers.some((container) => container.id === id && container.state === state);
    const ready = (id: string) => pods.some((pod) => pod.id === id && pod.state === PodSandboxState.SANDBOX_READY);
    const whole = (pod: Pod, running: string, created: string) =>
      ready(pod.id) && is(running, ContainerState.CONTAINER_RUNNING) && is(created, ContainerState.CONTAINER_CREATED);

    const { pod, running, created, exited, stopped } = this.held;
    if (!whole(this.held.victim.pod, this.held.victim.running, this.held.victim.created)) {
      await world.removePod(this.held.victim.pod.id);
      this.held = { ...this.held, victim: await victim(world) };
    }
    if (!whole(pod, running, created) || !is(exited, ContainerState.CONTAINER_EXITED)) {
      await world.removePod(pod.id);
      const again = await hostPod(world);
      const { id } = await world.start({ command: ['true'] }, again);
      await world.exited(id);
      this.held = { ...this.held, pod: again, exited: id, ...(await runningAndCreated(world, again)) };
    }
    if (!pods.some(({ id }) => id === stopped.id)) {
      const again = await hostPod(world);
      await world.cri.stopPod(again.id);
      this.held = { ...this.held, stopped: again };
    }
    const ours = new Set(ids(this.held));
    return [...(await world.cri.listPods()), ...(await world.cri.listContainers())]
      .map(({ id }) => id)
      .filter((id) => !ours.has(id));
  }

  async end(): Promise<void> {
    await rm(this.held.folder, { recursive: true, force: true });
  }
}

function ids({ pod, running, created, exited, victim: theirs, stopped }: Standing): readonly string[] {
  return [pod.id, running, created, exited, theirs.pod.id, theirs.running, theirs.created, stopped.id];
}

const hostPod = (world: World): Promise<Pod> => world.runPod(world.podConfig({ host: true }));

async function runningAndCreated(world: World, pod: Pod): Promise<{ running: string; created: string }> {
  const running: Running = await world.start({ command: obedient }, pod);
  const created = await world.create({ command: obedient }, pod);
  return { running: running.id, created: created.id };
}

async function victim(world: World): Promise<Standing['victim']> {
  const pod = await hostPod(world);
  return { pod, ...(await runningAndCreated(world, pod)) };
}
