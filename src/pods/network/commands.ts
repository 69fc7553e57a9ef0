import { Observations, stage } from '../../base';
import type { Kernel } from '../../kernel';
import type { PodSandboxConfig } from '../../wire';
import type { NetworkList, PluginConf } from './conf-list';
import { execPlugin, podInterface, type PluginCall } from './plugin';
import { asksOtherFamily } from './portmap-check';
import { advertised, runtimeConfig } from './runtime-config';
import { hasSince } from './versions';

/** A pod as the plugins see it. */
export interface NetworkPod {
  readonly id: string;
  readonly netns: string;
  readonly cgroupPath: string;
  readonly config: PodSandboxConfig;
}

/** The commands of the CNI spec, each for a whole list. */
export interface Commands {
  /** Gives the last plugin's result, as the other commands must get it back. */
  add(list: NetworkList, pod: NetworkPod, signal?: AbortSignal): Promise<string>;
  /** In reverse, with the configuration and result of ADD. */
  del(list: NetworkList, result: string | undefined, pod: NetworkPod, signal?: AbortSignal): Promise<void>;
  /** Whether the pod's network is still as ADD made it. Nothing is asked where the list's version has no CHECK. */
  check(list: NetworkList, result: string, pod: NetworkPod, signal?: AbortSignal): Promise<void>;
  /** Whether each plugin could serve an ADD now. Nothing is asked where the list's version has no STATUS. */
  status(list: NetworkList, signal?: AbortSignal): Promise<void>;
  /** Has the plugins drop what they keep for others than these pods. Every plugin is asked; the first error is thrown. */
  collect(list: NetworkList, podIds: readonly string[], signal?: AbortSignal): Promise<void>;
}

/** Deadlines for one plugin; those of ADD and DEL are the kubelet's peers'. */
const timeoutsMs = { ADD: 300_000, DEL: 60_000, CHECK: 60_000, STATUS: 10_000, GC: 30_000 } as const;

/** Executes plugins from these folders. */
export function createCommands(
  kernel: Kernel,
  binDirs: () => readonly string[],
  observations = new Observations(),
): Commands {
  const run = (
    command: PluginCall['command'],
    plugin: PluginConf,
    input: object,
    pod: NetworkPod | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string> => {
    const call: PluginCall = {
      type: plugin.type,
      command,
      ...(pod && { attachment: { containerId: pod.id, netns: pod.netns, args: cniArgs(pod) } }),
      stdin: JSON.stringify(input),
      timeoutMs: timeoutsMs[command],
    };
    const operation = { kind: 'network', operation: command, plugin: plugin.type } as const;
    const exec = () => observations.time(operation, () => execPlugin(kernel, binDirs(), call, signal));
    return stage(`CNI ${command} ${plugin.type}`, exec);
  };

  return {
    async add(list, pod, signal) {
      let result = '';
      for (const plugin of list.plugins) {
        result = await run('ADD', plugin, podInput(list, plugin, result, pod), pod, signal);
      }
      return result;
    },

    async del(list, result, pod, signal) {
      const prev = hasSince(list.cniVersion, '0.4.0') ? result : undefined;
      for (const plugin of list.plugins.toReversed()) {
        await run('DEL', plugin, podInput(list, plugin, prev, pod), pod, signal);
      }
    },

    async check(list, result, pod, signal) {
      if (list.disableCheck || !hasSince(list.cniVersion, '0.4.0')) return;
      for (const plugin of list.plugins) {
        try {
          await run('CHECK', plugin, podInput(list, plugin, result, pod), pod, signal);
        } catch (error) {
          if (plugin.type !== 'portmap' || !asksOtherFamily(error, result, list.name)) throw error;
        }
      }
    },

    async status(list, signal) {
      if (!hasSince(list.cniVersion, '1.1.0')) return;
      for (const plugin of list.plugins) await run('STATUS', plugin, listInput(list, plugin), undefined, signal);
    },

    async collect(list, podIds, signal) {
      if (list.disableGC || !hasSince(list.cniVersion, '1.1.0')) return;
      const valid = podIds.map((containerID) => ({ containerID, ifname: podInterface }));
      const results: PromiseSettledResult<string>[] = [];
      for (const plugin of list.plugins) {
        // Plugins written after the spec's draft look for the second name; finding none they would drop everything.
        const attachments = { 'cni.dev/valid-attachments': valid, 'cni.dev/attachments': valid };
        const input = { ...listInput(list, plugin), ...attachments };
        results.push(...(await Promise.allSettled([run('GC', plugin, input, undefined, signal)])));
      }
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
    },
  };
}

function listInput(list: NetworkList, plugin: PluginConf): object {
  return { ...plugin, name: list.name, cniVersion: list.cniVersion };
}

function podInput(list: NetworkList, plugin: PluginConf, prevResult: string | undefined, pod: NetworkPod): object {
  const runtime = advertised(runtimeConfig(pod.config, pod.cgroupPath), plugin.capabilities);
  return {
    ...listInput(list, plugin),
    ...(runtime ? { runtimeConfig: runtime } : {}),
    ...(prevResult ? { prevResult: JSON.parse(prevResult) as unknown } : {}),
  };
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
