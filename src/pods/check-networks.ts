import { messageOf, Semaphore } from '../base';
import type { SandboxRecord } from '../state';
import type { SandboxPaths } from './paths';
import type { SandboxParts } from './sandboxes';
import { networkPod } from './take-down';

/** Plugins at once: it is no hurry, and pods may be starting. */
const slots = 4;

/**
 * Asks the plugins of each ready pod once whether its network is as ADD made it (CNI CHECK). What is not is told in the log,
 * with pod, plugin and cause; nothing is taken down for it: the pod may serve well enough, and its kubelet probes it.
 */
export async function checkNetworks(
  { table, network, log }: Pick<SandboxParts, 'table' | 'network' | 'log'>,
  paths: (id: string) => SandboxPaths,
  signal: AbortSignal,
): Promise<void> {
  const semaphore = new Semaphore(slots);
  const check = async ({ id }: SandboxRecord): Promise<void> => {
    const record = table.get(id);
    const { confList, result } = record?.network ?? {};
    if (record?.phase !== 'ready' || !confList || !result) return;
    try {
      await network.check(confList, result, networkPod(record, paths(id)), signal);
    } catch (error) {
      // A pod that is being stopped meanwhile has no network to be checked.
      if (signal.aborted || table.get(id)?.phase !== 'ready') return;
      const { namespace, name } = record.config.metadata ?? { namespace: '', name: '' };
      log.warn(
        { err: error, sandbox: id },
        `the network of pod ${namespace}/${name} is not as it was: ${messageOf(error)}`,
      );
    }
  };
  const all = [...table.values()].map((record) => semaphore.with(signal, () => check(record)));
  // What is still waiting when berthd ends is not checked.
  await Promise.allSettled(all);
}
