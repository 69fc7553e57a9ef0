import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf, pause, stage, type Log } from '../base';
import type { ContainerService, PodLifecycle } from '../containers';
import type { Kernel } from '../kernel';
import type { Sandboxes } from '../pods';
import type { State } from '../state';
import type { Storage } from '../storage';

/** How long a start waits for pods that are over to be taken down. */
const teardownMs = 30_000;

export interface RecoveryParts {
  readonly kernel: Kernel;
  readonly state: State;
  readonly storage: Storage;
  readonly sandboxes: Sandboxes;
  readonly containers: ContainerService;
  readonly podLifecycle: PodLifecycle;
  readonly root: string;
  readonly log: Log;
}

/**
 * Brings memory, records and machine together again, once at start: containers that run are taken up, ends that
 * nobody saw are recorded, and what an earlier berthd was making or taking down when it ended is taken down. One
 * object that cannot be recovered is told in the log and tried again later; it never keeps the others from serving.
 */
export async function recover(parts: RecoveryParts): Promise<void> {
  const { state, containers, sandboxes, podLifecycle, log } = parts;
  await parts.storage.cleanStaging();
  await settle(log, [...state.containers.values()], (record) => containers.recover(record));
  await sandboxes.restoreHostPorts().catch((error: unknown) => {
    log.error({ err: error }, `host ports are not served: ${messageOf(error)}`);
  });
  // A node that was restarted has no namespaces any more: its pods are over, but their addresses are still taken.
  const bootId = parts.kernel.facts.bootId;
  const over = [...state.sandboxes.values()].filter(
    ({ phase, bootId: boot }) => phase === 'stopping' || (phase === 'ready' && boot !== bootId),
  );
  // A plugin that hangs keeps nobody from being served: what it holds up goes on beside.
  await settle(log, over, ({ id }) => podLifecycle.stop(id, AbortSignal.timeout(teardownMs)));
  await Promise.race([sandboxes.retry(), pause(teardownMs)]);
  await removeEarlierBoots(parts);
  await removeUnknownMounts(parts);
  await removeUnknown(parts, join(parts.root, 'containers'));
  await removeUnknown(parts, join(parts.root, 'exits'));
  log.info({ pods: sandboxes.list().length, containers: containers.list().length }, 'state recovered');
}

/**
 * Writable layers are mounted without syncs: what was written during an earlier boot may be anything, also where the
 * container had ended before (promise 7).
 */
async function removeEarlierBoots({ kernel, state, storage, root, log }: RecoveryParts): Promise<void> {
  const there = new Set(await namesIn(join(root, 'containers')));
  const earlier = [...state.containers.values()].filter(
    ({ id, phase, bootId }) => phase === 'exited' && bootId !== kernel.facts.bootId && there.has(id),
  );
  await settle(log, earlier, ({ id }) => storage.removeRootfs(id));
}

/** Roots and images mounted for containers that no record knows. */
async function removeUnknownMounts({ state, storage, log }: RecoveryParts): Promise<void> {
  const unknown = (await storage.mountedContainers()).filter((id) => !state.containers.get(id));
  await settle(
    log,
    unknown.map((id) => ({ id })),
    ({ id }) => storage.removeRootfs(id),
  );
}

/** Folders and files of containers that no record knows: a power loss can take a record's last write. */
async function removeUnknown({ kernel, state, log }: RecoveryParts, folder: string): Promise<void> {
  const unknown = (await namesIn(folder)).filter((name) => !state.containers.get(name));
  await settle(
    log,
    unknown.map((id) => ({ id })),
    ({ id }) => kernel.removeTree(join(folder, id)),
  );
}

function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
}

async function settle<T extends { readonly id: string }>(
  log: Log,
  items: readonly T[],
  step: (item: T) => Promise<void>,
): Promise<void> {
  await Promise.all(
    items.map(async (item) => {
      try {
        await stage('recover', () => step(item), { object: item.id });
      } catch (error) {
        log.error({ err: error, id: item.id }, `not recovered: ${messageOf(error)}`);
      }
    }),
  );
}
