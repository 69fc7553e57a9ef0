import { watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { BerthError, EventBus, abortError, errnoOf, isBerthError, messageOf, type Log } from '../../base';
import type { Kernel } from '../../kernel';
import type { PodSandboxConfig } from '../../wire';
import type { NetworkCondition } from '../pods';
import { compareVersions, loadNetworkList, parseNetworkList, type NetworkList, type PluginConf } from './conf-list';
import { execPlugin } from './plugin';
import { resultIps } from './result';
import { advertised, runtimeConfig } from './runtime-config';

/** A pod as the plugins see it. */
export interface NetworkPod {
  readonly id: string;
  readonly netns: string;
  readonly cgroupPath: string;
  readonly config: PodSandboxConfig;
}

export interface Attachment {
  readonly ips: readonly string[];
  /** The last plugin's result, as DEL must get it back. */
  readonly result: string;
}

/** The pod network: whatever list of plugins the CNI folder holds now. */
export interface Network {
  condition(): NetworkCondition;
  /** The list that counts, waiting a little for one to appear. */
  list(signal?: AbortSignal): Promise<NetworkList>;
  attach(list: NetworkList, pod: NetworkPod, signal?: AbortSignal): Promise<Attachment>;
  /** Runs DEL in reverse with the configuration and result of ADD. */
  detach(confList: string, result: string | undefined, pod: NetworkPod, signal?: AbortSignal): Promise<void>;
  close(): void;
}

/** Deadlines of the kubelet's peers for one plugin. */
const addTimeoutMs = 300_000;
const delTimeoutMs = 60_000;
/** A network plugin that is being installed writes its file within moments; beyond that the kubelet calls again. */
const listWaitMs = 2_000;

/** Watches the folder (made if it is missing, so that it can be watched) and serves its network. */
export async function openNetwork(options: {
  readonly kernel: Kernel;
  readonly confDir: string;
  readonly binDirs: readonly string[];
  readonly log: Log;
}): Promise<Network> {
  const { kernel, confDir, binDirs, log } = options;
  let current: NetworkList | BerthError;
  const changed = new EventBus<void>();

  const load = async (): Promise<void> => {
    try {
      current = await loadNetworkList(confDir);
      log.info({ network: current.name, cniVersion: current.cniVersion }, 'pod network loaded');
    } catch (error) {
      if (!isBerthError(error)) throw error;
      current = error;
      log.warn({ err: error }, `no pod network: ${error.message}`);
    }
    changed.publish();
  };
  // Loads run one after the other; a change during a load is seen by the next.
  let loading = Promise.resolve();
  const reload = (): void => void (loading = loading.then(load));

  await mkdir(confDir, { recursive: true }).catch((error: unknown) => {
    throw new BerthError('config-unreadable', {
      op: 'make the CNI folder',
      object: confDir,
      detail: errnoOf(error) ?? messageOf(error),
    });
  });
  const watcher = watch(confDir, { persistent: false }, reload);
  watcher.on('error', (error) => log.error({ err: error }, `the CNI folder is no longer watched: ${confDir}`));
  current = new BerthError('network-not-ready', {
    op: 'load the CNI configuration',
    object: confDir,
    detail: 'not read yet',
  });
  reload();
  await loading;

  const run = (
    command: 'ADD' | 'DEL',
    list: NetworkList,
    plugin: PluginConf,
    prevResult: string | undefined,
    pod: NetworkPod,
    signal?: AbortSignal,
  ) =>
    execPlugin(
      kernel,
      binDirs,
      {
        type: plugin.type,
        command,
        containerId: pod.id,
        netns: pod.netns,
        args: cniArgs(pod),
        stdin: pluginInput(list, plugin, prevResult, pod),
        timeoutMs: command === 'ADD' ? addTimeoutMs : delTimeoutMs,
      },
      signal,
    );

  return {
    condition() {
      if (!(current instanceof BerthError)) return { ready: true, reason: '', message: '' };
      // The reason is a word that the kubelet's operators search for.
      return { ready: false, reason: 'NetworkPluginNotReady', message: current.message };
    },

    async list(signal) {
      if (current instanceof BerthError) await firstChange(changed, () => !(current instanceof BerthError), signal);
      if (current instanceof BerthError) throw current;
      return current;
    },

    async attach(list, pod, signal) {
      let result: string | undefined;
      for (const plugin of list.plugins) result = await run('ADD', list, plugin, result, pod, signal);
      const last = result ?? '';
      return { ips: resultIps(last, list.name), result: last };
    },

    async detach(confList, result, pod, signal) {
      const list = parseNetworkList(confList, `network of pod ${pod.id}`);
      // DEL takes the previous result from version 0.4.0 on.
      const prev = compareVersions(list.cniVersion, '0.4.0') >= 0 ? result : undefined;
      for (const plugin of list.plugins.toReversed()) await run('DEL', list, plugin, prev, pod, signal);
    },

    close: () => watcher.close(),
  };
}

/** What DEL needs to find again, as text for the pod's record. */
export function networkListText(list: NetworkList): string {
  return JSON.stringify(list);
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

function pluginInput(list: NetworkList, plugin: PluginConf, prevResult: string | undefined, pod: NetworkPod): string {
  const runtime = advertised(runtimeConfig(pod.config, pod.cgroupPath), plugin.capabilities);
  return JSON.stringify({
    ...plugin,
    name: list.name,
    cniVersion: list.cniVersion,
    ...(runtime ? { runtimeConfig: runtime } : {}),
    ...(prevResult ? { prevResult: JSON.parse(prevResult) as unknown } : {}),
  });
}

/** The arguments that Kubernetes' plugins look for. A separator in a value would start another one. */
function cniArgs({ id, config }: NetworkPod): string {
  const clean = (value: string | undefined) => (value ?? '').replaceAll(/[;=]/g, '');
  return [
    'IgnoreUnknown=1',
    `K8S_POD_NAMESPACE=${clean(config.metadata?.namespace)}`,
    `K8S_POD_NAME=${clean(config.metadata?.name)}`,
    `K8S_POD_INFRA_CONTAINER_ID=${id}`,
    `K8S_POD_UID=${clean(config.metadata?.uid)}`,
  ].join(';');
}
