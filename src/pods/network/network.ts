import { mkdir } from 'node:fs/promises';
import {
  BerthError,
  EventBus,
  abortError,
  backgroundJob,
  errnoOf,
  messageOf,
  stage,
  type Log,
  type Observations,
} from '../../base';
import type { Kernel } from '../../kernel';
import type { NetworkCondition } from '../pods';
import { TellOnce } from '../tell-once';
import { createCommands, type NetworkPod } from './commands';
import { networkListText, parseNetworkList, type NetworkList } from './conf-list';
import { Gate } from './gate';
import { loadNetwork, type Loaded } from './load';
import { resultAddresses } from './result';
import { watchStatus } from './status';
import { watchFolder } from './watch-folder';

export interface Attachment {
  readonly ips: readonly string[];
  /** The last plugin's result, as DEL must get it back. */
  readonly result: string;
}

/** Where networks and plugins are; read at each use. */
export interface NetworkSettings {
  readonly confDir: string;
  readonly binDirs: readonly string[];
  /** The network that counts, by its name; empty: the first file's. */
  readonly defaultNetwork: string;
}

export interface NetworkParts {
  readonly kernel: Kernel;
  readonly settings: () => NetworkSettings;
  /** The pods on record that hold something of the network of this name. */
  readonly attached: (network: string) => readonly string[];
  readonly log: Log;
  /** Told of each run of a plugin. */
  readonly observations?: Observations;
}

/** The pod network: whatever list of plugins the CNI folder holds now. */
export interface Network {
  condition(): NetworkCondition;
  /** The list that counts, waiting a little for one to be there and ready. */
  list(signal?: AbortSignal): Promise<NetworkList>;
  attach(list: NetworkList, pod: NetworkPod, signal?: AbortSignal): Promise<Attachment>;
  /** Runs DEL in reverse with the configuration and result of ADD. */
  detach(confList: string, result: string | undefined, pod: NetworkPod, signal?: AbortSignal): Promise<void>;
  /** Whether the network of a pod is as ADD made it; rejects with the plugin that says otherwise. */
  check(confList: string, result: string, pod: NetworkPod, signal?: AbortSignal): Promise<void>;
  /** Has what no pod on record holds given back: now, and from now on whenever another list counts. */
  collect(): Promise<void>;
  /** Prepares for other settings and gives what takes them into use once they are in force. */
  prepare(next: NetworkSettings): Promise<() => void>;
  close(): void;
}

/** A network plugin that is being installed writes its file within moments; beyond that the kubelet calls again. */
const listWaitMs = 2_000;

/** Watches the folder (made if it is missing, so that it can be watched) and serves its network. */
export async function openNetwork(parts: NetworkParts): Promise<Network> {
  const { kernel, settings, log } = parts;
  const commands = createCommands(kernel, () => settings().binDirs, parts.observations);
  const gate = new Gate();
  const once = new TellOnce();
  const changed = new EventBus<void>();
  let current: Loaded = { network: notRead(settings().confDir), broken: [] };
  let collecting = false;
  const closing = new AbortController();

  const status = watchStatus(
    (list, signal) => commands.status(list, signal),
    (problem) => {
      if (problem) log.warn({ err: problem }, `pod network not ready: ${problem.message}`);
      else log.info('pod network ready');
      changed.publish();
    },
  );

  const listNow = (): NetworkList | undefined =>
    current.network instanceof BerthError ? undefined : current.network.list;
  const problem = (): BerthError | undefined =>
    current.network instanceof BerthError ? current.network : status.problem();

  const collect = async (): Promise<void> => {
    const list = listNow();
    if (!list || !collecting) return;
    try {
      const drop = () => gate.exclusive(() => commands.collect(list, parts.attached(list.name), closing.signal));
      await backgroundJob('CNI GC', {}, drop);
      once.over('GC');
    } catch (error) {
      if (closing.signal.aborted) return;
      once.tell('GC', messageOf(error), (said) =>
        log.warn({ err: error }, `what no pod holds stays reserved: ${said}`),
      );
    }
  };

  const load = async (): Promise<void> => {
    const { confDir, defaultNetwork } = settings();
    const before = current.network instanceof BerthError ? undefined : current.network;
    current = await loadNetwork(confDir, defaultNetwork, before);
    tell(current, once, log);
    const list = listNow();
    if (list !== before?.list && !(list && before && networkListText(list) === networkListText(before.list))) {
      status.follow(list);
      if (list) log.info({ network: list.name, cniVersion: list.cniVersion }, 'pod network loaded');
      void collect();
    }
    changed.publish();
  };
  // Loads run one after the other; a change during a load is seen by the next, and many at once by one.
  let loading = Promise.resolve();
  let waiting = false;
  const reload = (): void => {
    if (waiting || closing.signal.aborted) return;
    waiting = true;
    loading = loading.then(() => {
      waiting = false;
      return load();
    });
  };

  await makeFolder(settings().confDir);
  let watched = settings().confDir;
  let watcher = watchFolder(watched, reload, log);
  reload();
  await loading;

  return {
    condition() {
      const wrong = problem();
      // The reason is a word that the kubelet's operators search for.
      if (wrong) return { ready: false, reason: 'NetworkPluginNotReady', message: wrong.message };
      return { ready: true, reason: '', message: current.broken[0]?.message ?? '' };
    },

    async list(signal) {
      const wait = () => firstChange(changed, () => !problem(), signal);
      if (problem()) await stage('waiting for the pod network', wait);
      const [list, wrong] = [listNow(), problem()];
      if (!list || wrong) throw wrong ?? notRead(settings().confDir);
      return list;
    },

    attach: (list, pod, signal) =>
      gate.shared(signal, async () => {
        const result = await commands.add(list, pod, signal);
        return { ips: resultAddresses(result, list.name).map(({ ip }) => ip), result };
      }),

    detach: (confList, result, pod, signal) =>
      gate.shared(signal, () => commands.del(listOf(confList, pod), result, pod, signal)),

    check: (confList, result, pod, signal) =>
      gate.shared(signal, () => commands.check(listOf(confList, pod), result, pod, signal)),

    collect() {
      collecting = true;
      return collect();
    },

    async prepare(next) {
      await makeFolder(next.confDir);
      return () => {
        if (next.confDir !== watched) {
          watcher[Symbol.dispose]();
          watched = next.confDir;
          watcher = watchFolder(watched, reload, log);
        }
        reload();
      };
    },

    close() {
      closing.abort();
      watcher[Symbol.dispose]();
      status[Symbol.dispose]();
    },
  };
}

/** Each broken file, and that there is no network, is told when it is new. */
function tell({ network, broken }: Loaded, once: TellOnce, log: Log): void {
  const none = network instanceof BerthError ? network : undefined;
  if (none) once.tell('network', none.message, (said) => log.warn({ err: none }, `no pod network: ${said}`));
  else once.over('network');
  const [file] = broken.filter((error) => error !== none);
  if (file) once.tell('file', file.message, (said) => log.warn({ err: file }, `passed over: ${said}`));
  else once.over('file');
}

function notRead(folder: string): BerthError {
  return new BerthError('network-not-ready', {
    op: 'load the CNI configuration',
    object: folder,
    detail: 'not read yet',
  });
}

function listOf(confList: string, { id }: NetworkPod): NetworkList {
  return parseNetworkList(confList, `network of pod ${id}`);
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    const detail = errnoOf(error) ?? messageOf(error);
    throw new BerthError('config-unreadable', { op: 'make the CNI folder', object: path, detail, cause: error });
  }
}

async function firstChange(changed: EventBus<void>, done: () => boolean, signal?: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let stop: () => void = () => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const subscription = changed.subscribe(() => done() && resolve());
      const onAbort = () => signal && reject(abortError(signal, 'wait for the pod network'));
      signal?.addEventListener('abort', onAbort, { once: true });
      timer = setTimeout(resolve, listWaitMs);
      stop = () => {
        subscription[Symbol.dispose]();
        signal?.removeEventListener('abort', onAbort);
      };
    });
  } finally {
    clearTimeout(timer);
    stop();
  }
}
