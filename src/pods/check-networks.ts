import { messageOf, type Log } from '../base';
import type { SandboxRecord, Table } from '../state';
import type { Network } from './network/network';
import type { SandboxPaths } from './paths';
import { networkPod } from './take-down';

/** Plugins at once: it is no hurry, and pods may be starting. */
const atOnce = 4;

export interface CheckParts {
  readonly table: Pick<Table<SandboxRecord>, 'get' | 'values'>;
  readonly network: Pick<Network, 'check'>;
  readonly log: Log;
}

/**
 * Asks the plugins of each ready pod once whether its network is as ADD made it (CNI CHECK). What is not is told in the log,
 * with pod, plugin and cause; nothing is taken down for it: the pod may serve well enough, and its kubelet probes it.
 */
export async function checkNetworks(
  { table, network, log }: CheckParts,
  paths: (id: string) => SandboxPaths,
  signal: AbortSignal,
): Promise<void> {
  // Each worker takes the next pod: a wait for each on one signal is a leak in node's eyes from the eleventh on.
  const waiting = [...table.values()];
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
  const work = async (): Promise<void> => {
    // What is still waiting when berthd ends is not checked.
    for (let next = waiting.shift(); next && !signal.aborted; next = waiting.shift()) await check(next);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
