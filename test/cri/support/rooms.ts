import { EventBus, createLog, type Log } from '../../../src/base';
import type { CriParts } from '../../../src/cri';
import type { PullState } from '../../../src/image';
import { type EventFeedParts, eventFeed } from '../../../src/observe';
import type {
  ContainerRecord,
  ContainerUsage,
  ImageRecord,
  MetricSample,
  PodRecord,
  PodUsage,
} from '../../../src/cri/parts';

/** A call that a room got: its name and its arguments, without the signal. */
export interface SeenCall {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** What the rooms hold in a test, and what they were asked. `fail` answers the named call with the error. */
export interface Rooms extends CriParts {
  readonly seen: SeenCall[];
  readonly podRecords: PodRecord[];
  readonly containerRecords: ContainerRecord[];
  readonly imageRecords: ImageRecord[];
  readonly signals: AbortSignal[];
  /** How far the pull of this name is. */
  readonly pulling: Map<string, PullState>;
  /** Tell of changes of the records; they change nothing themselves. */
  readonly podChanges: EventBus<ChangeOf<'podChanges'>>;
  readonly containerChanges: EventBus<ChangeOf<'containerChanges'>>;
  /** Their metrics, by id; of a container that is not here: none, as if it had ended. */
  readonly metrics: Map<string, readonly MetricSample[]>;
  /** What pods and containers use, by id. */
  readonly usages: Map<string, ContainerUsage & PodUsage>;
  /** Replaces what a call of a room does. */
  behave(name: string, behaviour: (signal: AbortSignal | undefined) => unknown): void;
}

type ChangeOf<Name extends 'podChanges' | 'containerChanges'> = Parameters<
  Parameters<EventFeedParts[Name]['subscribe']>[0]
>[0];

/** The rooms as cri sees them, in memory: inputs of its tests. */
export function memoryRooms(log: Log = createLog('fatal')): Rooms {
  const seen: SeenCall[] = [];
  const signals: AbortSignal[] = [];
  const podRecords: PodRecord[] = [];
  const containerRecords: ContainerRecord[] = [];
  const imageRecords: ImageRecord[] = [];
  const behaviours = new Map<string, (signal: AbortSignal | undefined) => unknown>();
  const call = async <T>(name: string, args: readonly unknown[], signal: AbortSignal | undefined, answer: T) => {
    seen.push({ name, args });
    if (signal) signals.push(signal);
    await behaviours.get(name)?.(signal);
    return answer;
  };
  const pulling = new Map<string, PullState>();
  const metrics = new Map<string, readonly MetricSample[]>();
  const usages = new Map<string, ContainerUsage & PodUsage>();
  const find = (reference: string) =>
    imageRecords.find((image) => [image.id, ...image.repoTags, ...image.repoDigests].includes(reference));
  const pulled = () => {
    const [image] = imageRecords;
    if (!image) throw new Error('the test holds no image to pull');
    return image;
  };
  const podChanges: Rooms['podChanges'] = new EventBus();
  const containerChanges: Rooms['containerChanges'] = new EventBus();
  const containersOf = (pod: PodRecord) => containerRecords.filter((container) => container.sandboxId === pod.id);
  const getPod = (id: string) => podRecords.find((pod) => pod.id === id);
  async function* checkEvents() {
    yield { progress: { done: 1, total: 1, object: 'sha256:1' } };
    await behaviours.get('check')?.(undefined);
    yield { summary: { images: 1, layers: 1 } };
  }
  return {
    seen,
    signals,
    pulling,
    podRecords,
    containerRecords,
    imageRecords,
    podChanges,
    containerChanges,
    events: eventFeed({
      pods: { get: getPod, list: () => podRecords },
      containers: { list: () => containerRecords },
      podLifecycle: { containersOf },
      podChanges,
      containerChanges,
    }),
    usages,
    metrics,
    stats: {
      container: ({ id }) => usages.get(id) ?? {},
      pod: ({ id }) => usages.get(id) ?? {},
      network: (id) => usages.get(id)?.network,
    },
    podMetrics: {
      descriptors: [{ name: 'container_last_seen', help: 'help', labelKeys: ['id'] }],
      pod: ({ id }) => metrics.get(id) ?? [],
      container: ({ id }) => metrics.get(id),
    },
    behave: (name, behaviour) => void behaviours.set(name, behaviour),
    pods: {
      run: (config, handler, signal) => call('run', [config, handler], signal, 'f'.repeat(64)),
      get: getPod,
      list: () => podRecords,
      updateResources: (id, resources, signal) => call('updatePodResources', [id, resources], signal, undefined),
      networkCondition: () => ({ ready: false, reason: 'NetworkPluginNotReady', message: 'no CNI configuration' }),
    },
    containers: {
      create: (sandboxId, config, sandboxConfig, signal) =>
        call('create', [sandboxId, config, sandboxConfig], signal, 'e'.repeat(64)),
      start: (id, signal) => call('start', [id], signal, undefined),
      stop: (id, timeout, signal) => call('stop', [id, timeout], signal, undefined),
      remove: (id, signal) => call('remove', [id], signal, undefined),
      execSync: (id, cmd, timeout, signal) =>
        call('execSync', [id, cmd, timeout], signal, {
          stdout: Buffer.of(0xff, 0x0a),
          stderr: Buffer.from('oops'),
          exitCode: 3,
        }),
      exec: (command) => call('exec', [command], undefined, 0),
      attach: (request) => call('attach', [request], undefined, 0),
      updateResources: (id, change, signal) => call('updateResources', [id, change], signal, undefined),
      reopenLog: (id, signal) => call('reopenLog', [id], signal, undefined),
      checkpoint: (id, location, timeout, signal) => call('checkpoint', [id, location, timeout], signal, undefined),
      get: (id) => containerRecords.find((container) => container.id === id),
      list: () => containerRecords,
    },
    podLifecycle: {
      stop: (id, signal) => call('stopPod', [id], signal, undefined),
      remove: (id, signal) => call('removePod', [id], signal, undefined),
      containersOf,
    },
    images: {
      pull: async (reference, auth, signal) => call('pull', [reference, auth], signal, pulled()),
      progress: (reference) => pulling.get(reference),
      load: (path, signal) => call('load', [path], signal, imageRecords),
      find,
      list: () => imageRecords,
      pinned: ({ repoTags }) => repoTags.includes('example.org/pinned:1'),
      remove: (reference, signal) => call('removeImage', [reference], signal, undefined),
      check: (request, signal) => {
        seen.push({ name: 'check', args: [request, signal] });
        return checkEvents();
      },
    },
    imageFs: () => ({
      images: [{ mountpoint: '/var/lib/berth', usedBytes: 1000n, inodesUsed: 10n, timestamp: 7n }],
      containers: [{ mountpoint: '/var/lib/berth', usedBytes: 200n, inodesUsed: 2n, timestamp: 8n }],
    }),
    streaming: {
      execUrl: (request) => {
        seen.push({ name: 'execUrl', args: [request] });
        return 'http://127.0.0.1:1/exec/token';
      },
      attachUrl: (request) => {
        seen.push({ name: 'attachUrl', args: [request] });
        return 'http://127.0.0.1:1/attach/token';
      },
      portForwardUrl: (request) => {
        seen.push({ name: 'portForwardUrl', args: [request] });
        return 'http://127.0.0.1:1/portforward/token';
      },
    },
    facts: {
      version: '0.1.0-test',
      root: '/var/lib/berth',
      runRoot: '/run/berth',
      socket: '/run/berth/berth.sock',
      pid: 77,
      startedAt: 9n,
      cgroup: '/berth/daemon',
      cgroupDriver: 'cgroupfs',
      runtimePath: '/usr/bin/runc',
      runtimeVersion: '1.1.5',
      defaultHandler: 'runc',
    },
    handlers: () => [
      { name: 'crun', features: { recursiveReadOnlyMounts: false, idmappedMounts: false, userNamespaces: true } },
      { name: 'runc', features: { recursiveReadOnlyMounts: true, idmappedMounts: true, userNamespaces: true } },
    ],
    runtimeCondition: () => ({ ready: true, reason: 'AsIs', message: 'a file is passed over' }),
    config: () => ({ log: { level: 'info' } }),
    runtimeSpec: async (containerId) => ({ ociVersion: '1.0.2', hostname: containerId.slice(0, 4) }),
    log,
  };
}
