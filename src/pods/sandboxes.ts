import { BerthError, KeyedLock, type Log, newId, nowNs, type PacedSlots, SingleFlight, step } from '../base';
import type { Kernel } from '../kernel';
import type { HandlerFeatures, Handlers } from '../runtime';
import { validateSandbox } from '../spec';
import type { SandboxRecord, Table } from '../state';
import type { PodSandboxConfig } from '../wire';
import { type CgroupSettings, planPodCgroup } from './cgroup';
import { checkNetworks } from './check-networks';
import { makeSandboxFiles, sharesHostIpc, sharesHostNetwork, sharesPidNamespace } from './files';
import { createHostPorts } from './host-ports/host-ports';
import type { Infra } from './infra';
import { networkListText } from './network/conf-list';
import type { Attachment, Network } from './network/network';
import { sandboxPaths, type SandboxPaths } from './paths';
import type { Pods } from './pods';
import { pin } from './pin';
import { PodCgroups } from './pod-cgroups';
import { createPodPorts, type PodPorts } from './ports';
import { createTakeDown, networkPod } from './take-down';
import { createUnfinished, type Unfinished } from './unfinished';
import { requireUserNamespaces, userNamespaceOf } from './user-namespace';
import { withResources } from './with-resources';

/** What the pods room is made of. */
export interface SandboxParts {
  readonly kernel: Kernel;
  readonly table: Table<SandboxRecord>;
  readonly network: Network;
  readonly infra: Infra;
  readonly log: Log;
  readonly runRoot: string;
  /** Eight digits that keep several roots on one machine apart. */
  readonly rootHash: string;
  readonly cgroups: CgroupSettings;
  readonly handlers: Handlers;
  /** For what keeps processors busy: namespaces and CNI plugins. */
  readonly pace: PacedSlots;
  /** What the runtime of a handler can do here. */
  readonly featuresOf: (handler: string) => HandlerFeatures;
}

/** Pods as the rooms above see them: CRI's reads, and the steps of a pod's end, which containers takes in its order. */
export interface Sandboxes extends Pods, Unfinished {
  paths(id: string): SandboxPaths;
  /** The sandbox, if containers may be made in it; rejects with what is wrong otherwise. */
  require(id: string, op: string): SandboxRecord;
  /** Connections into ready pods. */
  readonly ports: PodPorts;
  /** From now on the pod is not ready: no container is made in it any more. False if there is no such pod. */
  beginStop(id: string): Promise<boolean>;
  /** Takes network, namespaces and mounts away. A failed CNI DEL is kept in the record and tried again. */
  finishStop(id: string, signal?: AbortSignal): Promise<void>;
  /** Takes everything away and forgets the pod; on failure the record stays, as `removing`. */
  remove(id: string, signal?: AbortSignal): Promise<void>;
  /** Once at start, before anything is taken down: host ports lead where the records say. */
  restoreHostPorts(): Promise<void>;
  /** Has the plugins say of each ready pod once whether its network is as they made it; what is not is logged. */
  checkNetworks(signal: AbortSignal): Promise<void>;
}

export function createSandboxes(parts: SandboxParts): Sandboxes {
  const { table, network } = parts;
  const flights = new SingleFlight<string>('make the pod');
  const lock = new KeyedLock('pod');
  /** Of a ready pod's record: what is read must not be written over a stop that is being written. */
  const writes = new KeyedLock('record of pod');
  const paths = (id: string) => sandboxPaths(parts.runRoot, parts.rootHash, id);
  const visible = (record: SandboxRecord) => record.phase !== 'creating' && record.phase !== 'removing';

  const hostPorts = createHostPorts(parts);
  const cgroups = new PodCgroups(parts.kernel, table, parts.log);
  const end = createTakeDown(parts, paths, hostPorts, cgroups);

  const create = async (config: PodSandboxConfig, handler: string, signal: AbortSignal): Promise<string> => {
    const id = newId();
    const where = paths(id);
    const hostNetwork = sharesHostNetwork(config);
    const list = hostNetwork ? undefined : await step('run-pod.network-list', () => network.list(signal));
    const cgroup = await cgroups.claim(planPodCgroup(parts.cgroups, config, id));
    const planned: SandboxRecord = {
      v: 1,
      id,
      phase: 'creating',
      config,
      handler,
      createdAt: nowNs(),
      bootId: parts.kernel.facts.bootId,
      ...cgroup,
      ...(hostNetwork ? {} : { netns: where.netns, utsns: where.utsns }),
      ...(sharesHostIpc(config) ? {} : { ipcns: where.ipcns }),
      ...(userNamespaceOf(config) ? { userns: where.userns } : {}),
      ...(list ? { network: { attached: true, ips: [], name: list.name, confList: networkListText(list) } } : {}),
    };
    let record = planned;
    try {
      record = await step('run-pod.record', () => hostPorts.claim(planned, list));
      const intent = record;
      const attach = async () => {
        const attached = await parts.pace.with(signal, async () => {
          await step('run-pod.pin', () => pin(parts.kernel, intent, config));
          if (!list) return intent;
          const add = () => network.attach(list, networkPod(intent, where), signal);
          return withAttachment(intent, await step('run-pod.attach', add));
        });
        // An undo, whatever fails beside it or later, has to give DEL what ADD gave.
        record = attached;
        await step('run-pod.open-ports', () => hostPorts.open(attached));
        return attached;
      };
      const made = await Promise.allSettled([
        attach(),
        step('run-pod.files', () => makeSandboxFiles(parts.kernel, where, config)),
        step('run-pod.cgroup', () => cgroups.make(cgroup)),
      ]);
      const [attached, files, placed] = made;
      // All have settled before anything is undone: an undo beside a step that still runs would miss what it makes.
      if (attached.status === 'rejected') throw attached.reason;
      if (files.status === 'rejected') throw files.reason;
      if (placed.status === 'rejected') throw placed.reason;
      record = attached.value;
      if (sharesPidNamespace(config)) {
        const withRuntime = { ...record, infraRuntime: await parts.infra.runtimeOf(handler) };
        await step('run-pod.infra-record', () => table.put(withRuntime));
        record = { ...withRuntime, infra: await parts.infra.start(withRuntime, where, signal) };
      }
      const ready: SandboxRecord = (record = { ...record, phase: 'ready' });
      await step('run-pod.ready', () => table.put(ready));
      return id;
    } catch (error) {
      // What was refused before its record was written has nothing to take back.
      if (table.get(id)) await undo(record, error);
      throw error;
    }
  };

  const undo = async (record: SandboxRecord, reason: unknown): Promise<void> => {
    // Refused before it was written: nothing was made.
    if (!table.get(record.id)) return;
    try {
      await end.forget(await end.takeDown({ ...record, phase: 'removing' }, AbortSignal.timeout(90_000)));
    } catch (error) {
      parts.log.error(
        { err: error, reason, sandbox: record.id },
        'a pod that failed could not be taken down whole: it is tried again',
      );
    }
  };

  const finishStop = (id: string, signal?: AbortSignal) =>
    lock.with(id, signal, async () => {
      const record = table.get(id);
      if (!record || (record.phase !== 'stopping' && record.phase !== 'stopped')) return;
      if (record.phase === 'stopped' && !record.network?.attached) return;
      const left = await end.takeDown(record, signal);
      await step('stop-pod.stopped', () => table.put({ ...left, phase: 'stopped' }));
    });

  const remove = (id: string, signal?: AbortSignal) =>
    lock.with(id, signal, async () => {
      const record = table.get(id);
      if (!record) return;
      const removing: SandboxRecord = { ...record, phase: 'removing' };
      await step('remove-pod.removing', () => table.put(removing));
      // A pod that was stopped whole holds nothing but its files.
      const stopped = record.phase === 'stopped' && !record.network?.attached;
      await end.forget(stopped ? removing : await end.takeDown(removing, signal));
    });

  const ready = (id: string, op: string): SandboxRecord => {
    const record = table.get(id);
    if (!record || !visible(record)) {
      throw new BerthError('pod-not-found', { op, object: `pod ${id}`, detail: 'there is no such pod sandbox' });
    }
    if (record.phase !== 'ready') {
      throw new BerthError('pod-not-ready', { op, object: `pod ${id}`, detail: `the sandbox is ${record.phase}` });
    }
    return record;
  };

  const ports = createPodPorts(parts.kernel, ready);

  const unfinished = createUnfinished(
    table,
    { finishStop, remove, beingMade: ({ config }) => flights.keys().includes(metadataKey(config)) },
    parts.log,
  );

  return {
    async run(config, handler, signal) {
      validateSandbox(config, 'RunPodSandbox');
      const { name } = await parts.handlers.resolve(handler);
      requireUserNamespaces(config, name, parts.featuresOf(name));
      const key = metadataKey(config);
      for (const record of table.values()) {
        if (record.phase === 'ready' && metadataKey(record.config) === key) return record.id;
      }
      return flights.run(key, (jobSignal) => create(config, name, jobSignal), signal);
    },

    get(id) {
      const record = table.get(id);
      return record && visible(record) ? record : undefined;
    },
    list: () => [...table.values()].filter(visible),
    networkCondition: () => network.condition(),
    paths,

    require: ready,
    ports,

    updateResources: (id, resources, signal) =>
      writes.with(id, signal, async () => {
        const record = ready(id, 'UpdatePodSandboxResources');
        const changed = withResources(record.config, resources);
        validateSandbox(changed, 'UpdatePodSandboxResources');
        await table.put({ ...record, config: changed });
      }),

    beginStop: (id) =>
      writes.with(id, undefined, async () => {
        const record = table.get(id);
        if (!record) return false;
        if (record.phase !== 'ready') return true;
        await step('stop-pod.stopping', () => table.put({ ...record, phase: 'stopping' }));
        ports.stop(id);
        return true;
      }),

    finishStop,
    remove,

    retry: (signal) => unfinished.retry(signal),
    failing: () => unfinished.failing(),
    retryDue: (signal) => unfinished.retryDue(signal),
    restoreHostPorts: () => hostPorts.restore(),
    checkNetworks: (signal) => checkNetworks(parts, paths, signal),
  };
}

function withAttachment(record: SandboxRecord, attachment: Attachment | undefined): SandboxRecord {
  return attachment && record.network ? { ...record, network: { ...record.network, ...attachment } } : record;
}

/** What makes two requests the same pod (CRI: metadata is unique, attempt counts the tries). */
function metadataKey({ metadata }: PodSandboxConfig): string {
  return JSON.stringify([metadata?.namespace, metadata?.name, metadata?.uid, metadata?.attempt]);
}
