import { messageOf, step } from '../base';
import type { SandboxRecord } from '../state';
import { sharesPidNamespace } from './files';
import type { NetworkPod } from './network/commands';
import type { HostPorts } from './host-ports/host-ports';
import type { SandboxPaths } from './paths';
import type { PodCgroups } from './pod-cgroups';
import type { SandboxParts } from './sandboxes';
import { TellOnce } from './tell-once';

/** How a pod gives back what its record says was taken. Every step is idempotent: what was never there is no error. */
export interface TakeDown {
  /**
   * Network, namespaces, mounts and pause. All are tried; the first error is thrown. CNI DEL is the exception: where it
   * fails the record keeps `attached`, and it is tried again later.
   */
  takeDown(record: SandboxRecord, signal?: AbortSignal): Promise<SandboxRecord>;
  /** The files, the cgroup if it was ours, and the record: nothing is left of the pod. Not before its network is. */
  forget(record: SandboxRecord): Promise<void>;
}

/** The pod as CNI plugins see it. */
export function networkPod(record: SandboxRecord, where: SandboxPaths): NetworkPod {
  return {
    id: record.id,
    netns: record.netns ?? where.netns,
    cgroupPath: record.cgroupParent,
    config: record.config,
  };
}

export function createTakeDown(
  parts: SandboxParts,
  paths: (id: string) => SandboxPaths,
  hostPorts: HostPorts,
  cgroups: Pick<PodCgroups, 'giveBack'>,
): TakeDown {
  const { kernel, network, table } = parts;
  const once = new TellOnce();

  const detach = async (record: SandboxRecord, signal?: AbortSignal): Promise<SandboxRecord> => {
    const attachment = record.network;
    const { confList, result } = attachment ?? {};
    if (!attachment?.attached || !confList) return record;
    try {
      await step('stop-pod.detach', () =>
        network.detach(confList, result, networkPod(record, paths(record.id)), signal),
      );
      once.over(record.id);
      return { ...record, network: { ...attachment, attached: false } };
    } catch (error) {
      once.tell(record.id, messageOf(error), (said) =>
        parts.log.error({ err: error, sandbox: record.id }, `${said}: it is tried again until it succeeds`),
      );
      return record;
    }
  };

  return {
    async takeDown(record, signal) {
      const where = paths(record.id);
      // Before the address is given back: what is sent to the host would reach the next pod that gets it.
      const [closed] = await Promise.allSettled([step('stop-pod.close-ports', () => hostPorts.close(record))]);
      const detached = await detach(closed.status === 'fulfilled' ? withoutHostPorts(record) : record, signal);
      const results = await Promise.allSettled([
        sharesPidNamespace(record.config) && step('stop-pod.infra', () => parts.infra.stop(record, signal)),
        record.netns && step('stop-pod.unpin-net', () => kernel.unpinNamespace(where.netns)),
        record.ipcns && step('stop-pod.unpin-ipc', () => kernel.unpinNamespace(where.ipcns)),
        record.utsns && step('stop-pod.unpin-uts', () => kernel.unpinNamespace(where.utsns)),
        record.userns && step('stop-pod.unpin-user', () => kernel.unpinNamespace(where.userns)),
        step('stop-pod.unmount-shm', () => kernel.unmount(where.shm)),
      ]);
      // A plugin that stumbles over what its own ADD left half-made does better once the namespace is gone.
      const left = await detach(detached, signal);
      await step('stop-pod.taken-down', () => table.put(left));
      const failed = [closed, ...results].find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
      return left;
    },

    async forget(record) {
      if (record.network?.attached) return;
      await step('remove-pod.files', () => kernel.removeTree(paths(record.id).dir));
      await step('remove-pod.cgroup', () => cgroups.giveBack(record));
      await step('remove-pod.forget', () => table.delete(record.id));
    },
  };
}

function withoutHostPorts({ hostPorts: _, ...record }: SandboxRecord): SandboxRecord {
  return record;
}
