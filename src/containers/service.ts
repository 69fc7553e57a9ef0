import {
  abortable,
  BerthError,
  KeyedLock,
  messageOf,
  Observations,
  SingleFlight,
  stage,
  step,
  throwIfAborted,
} from '../base';
import type { Spec } from '../spec';
import type { ContainerRecord, SandboxRecord } from '../state';
import type { ContainerConfig } from '../wire';
import { attachStreams } from './attach';
import { readSpecIfThere } from './bundle';
import { letGoOn } from './checkpoint/checkpoint';
import { Checkpoints } from './checkpoint/checkpoints';
import { openCheckpoint } from './checkpoint/open';
import { checkpointSource } from './checkpoint/source';
import type { Containers } from './containers';
import { type Created, makeContainer } from './create';
import type { CreateParts } from './create-parts';
import { discardContainer } from './discard';
import { planContainer, withImage } from './plan';
import { execStreams, execSync } from './exec';
import { execIn } from './exec-in';
import { lookupIn, visible } from './lookup';
import { startContainer } from './start';
import { Stopper } from './stop';
import { Supervisor } from './supervisor';
import { updateResources } from './update-resources';

/** Containers as the rooms above see them, with what recovery and pods' lifecycle need. */
export interface ContainerService extends Containers {
  /** The OCI runtime spec of a container, for people; undefined if it is gone. */
  runtimeSpec(id: string): Promise<Spec | undefined>;
  /** Every container of the sandbox, those that are being made or removed too. */
  ofSandbox(sandboxId: string): readonly ContainerRecord[];
  /** Waits until no create of this sandbox runs. Callers have made sure that no new one begins. */
  settled(sandboxId: string): Promise<void>;
  /** Takes up a container that an earlier berthd left, whatever state it is in. */
  recover(record: ContainerRecord): Promise<void>;
  /** Tries again what failed: removals, and reaching the monitors of containers that run. */
  retry(): Promise<void>;
  /** Monitors that berthd is connected to, and those of containers that have not ended that it does not reach. */
  monitors(): { readonly connected: number; readonly unreachable: number };
  /** Lets go of the monitors; containers run on. */
  close(): void;
}

export function createContainers(parts: CreateParts): ContainerService {
  const { table, sandboxes, observations = new Observations() } = parts;
  const supervisor = new Supervisor(parts);
  const stopper = new Stopper(parts, supervisor);
  const handlerOf = ({ sandboxId }: ContainerRecord) => sandboxes.get(sandboxId)?.handler ?? '';
  const creating = new Map<string, SingleFlight<string>>();
  const lock = new KeyedLock('container');
  const { require, running, attachable } = lookupIn(table, supervisor, stopper);

  const checkpoints = new Checkpoints(parts, supervisor, (id) => {
    running(id, 'CheckpointContainer');
    return require(id, 'CheckpointContainer');
  });

  const create = async (sandbox: SandboxRecord, config: ContainerConfig, signal: AbortSignal): Promise<string> => {
    const source = checkpointSource(config.image?.image ?? '', parts.findImage, parts.restoreFrom());
    let record = await step('create-container.plan', () => planContainer(parts, sandbox, config, source));
    const { id } = record;
    let made: Created | undefined;
    try {
      await step('create-container.record', () => table.put(record));
      // Looked at again after the record: a stop that came between has seen it, or is seen here.
      sandboxes.require(sandbox.id, 'CreateContainer');
      const intent = record;
      const checkpoint =
        source &&
        (await step('create-container.checkpoint', () => openCheckpoint(parts, sandbox, intent, source, signal)));
      if (checkpoint) {
        const restored = (record = withImage(record, checkpoint.image));
        await step('create-container.base-image', () => table.put(restored));
      }
      made = await makeContainer(parts, sandbox, record, checkpoint, signal);
      const { monitor, init, user } = made;
      const created: ContainerRecord = {
        ...record,
        phase: 'created',
        ...(init && { init }),
        user: { uid: user.uid, gid: user.gid, groups: user.additionalGids },
      };
      await step('create-container.created', () => table.put(created));
      supervisor.follow(id, monitor);
      return id;
    } catch (error) {
      made?.monitor.close();
      try {
        await discard(record);
      } catch (undoError) {
        parts.log.error(
          { err: undoError, container: id },
          `a container that failed is not taken down yet: ${messageOf(undoError)}`,
        );
      }
      throw error;
    }
  };

  const discard = (record: ContainerRecord) => discardContainer(parts, supervisor, record);

  const remove = (id: string, signal?: AbortSignal) =>
    lock.with(id, signal, async () => {
      const record = table.get(id);
      if (!record) return;
      await stopper.stop(id, 0, signal);
      await supervisor.reaped(id);
      await discard(table.get(id) ?? record);
    });

  const start = async (id: string): Promise<void> => {
    const record = require(id, 'StartContainer');
    await startContainer(parts, supervisor, record, { handler: handlerOf(record), observations });
  };

  const execPlace = (id: string, op: string) => ({
    running: () => running(id, op),
    handler: handlerOf(require(id, op)),
    observations,
  });

  /** Whether the call that makes it still runs. */
  const beingMade = ({ sandboxId, config }: ContainerRecord) =>
    creating.get(sandboxId)?.keys().includes(metadataKey(config)) ?? false;

  return {
    async create(sandboxId, config, _sandboxConfig, signal) {
      const sandbox = sandboxes.require(sandboxId, 'CreateContainer');
      const key = metadataKey(config);
      for (const record of table.values()) {
        if (record.sandboxId === sandbox.id && visible(record) && metadataKey(record.config) === key) return record.id;
      }
      let flights = creating.get(sandbox.id);
      if (!flights) creating.set(sandbox.id, (flights = new SingleFlight<string>('create a container')));
      return flights.run(key, (jobSignal) => create(sandbox, config, jobSignal), signal);
    },

    async start(id, signal) {
      throwIfAborted(signal, 'StartContainer', `container ${id}`);
      const started = stage('start the container', () => start(id));
      await abortable(started, signal, `StartContainer: container ${id}`);
    },

    stop: (id, timeoutSeconds, signal) => stopper.stop(id, timeoutSeconds * 1000, signal),
    remove,

    async execSync(id, cmd, timeoutSeconds, signal) {
      const request = { containerId: id, cmd, timeoutSeconds };
      return execIn(execPlace(id, 'ExecSync'), (monitor) => execSync(monitor, parts.paths(id).config, request, signal));
    },

    async exec(command, streams) {
      const { containerId } = command;
      const { config } = parts.paths(containerId);
      return execIn(execPlace(containerId, 'Exec'), (monitor) => execStreams(monitor, config, command, streams));
    },

    async attach({ containerId }, streams) {
      return attachStreams(attachable(containerId, 'Attach'), containerId, streams);
    },

    updateResources: (id, change, signal) =>
      lock.with(id, signal, () =>
        updateResources(parts, supervisor, require(id, 'UpdateContainerResources'), change, signal),
      ),

    async reopenLog(id, signal) {
      await running(id, 'ReopenContainerLog').reopenLog(signal);
    },

    checkpoint: (id, location, timeoutSeconds, signal) => checkpoints.make(id, location, timeoutSeconds, signal),

    get(id) {
      const record = table.get(id);
      return record && visible(record) ? record : undefined;
    },
    list: () => [...table.values()].filter(visible),
    runtimeSpec: async (id) => (table.get(id) ? readSpecIfThere(parts.paths(id).config, id) : undefined),
    ofSandbox: (sandboxId) => [...table.values()].filter((record) => record.sandboxId === sandboxId),

    async settled(sandboxId) {
      await creating.get(sandboxId)?.abortAll(
        new BerthError('pod-not-ready', {
          op: 'CreateContainer',
          object: `pod ${sandboxId}`,
          detail: 'the pod is being stopped',
        }),
      );
      creating.delete(sandboxId);
    },

    async recover(record) {
      switch (record.phase) {
        case 'creating':
        case 'removing':
          return discard(record);
        case 'created':
        case 'running':
          try {
            return await supervisor.adopt(record);
          } finally {
            // A checkpoint that was cut off has left it standing still.
            if (record.paused && !table.get(record.id)?.exit) await letGoOn(parts, supervisor, record);
          }
        case 'exited':
          return record.reaped ? undefined : supervisor.finishReaping(record);
        default:
          record.phase satisfies never;
      }
    },

    async retry() {
      for (const record of [...table.values()]) {
        try {
          const abandoned = record.phase === 'creating' && !beingMade(record);
          if (record.phase === 'removing' || abandoned) await remove(record.id, AbortSignal.timeout(60_000));
          else if (record.phase === 'created' || record.phase === 'running') await supervisor.adopt(record);
        } catch (error) {
          parts.log.error({ err: error, container: record.id }, `tried again later: ${messageOf(error)}`);
        }
      }
    },

    monitors: () => supervisor.monitors(),
    close: () => supervisor.close(),
  };
}

/** What makes two requests the same container of a pod. */
function metadataKey({ metadata }: ContainerConfig): string {
  return JSON.stringify([metadata?.name, metadata?.attempt]);
}
