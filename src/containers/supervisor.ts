import type { Log, Observations } from '../base';
import { abortable, backgroundJob, BerthError, isBerthError } from '../base';
import { KeyedLock, messageOf, outsideJobs, pause, step } from '../base';
import type { Kernel } from '../kernel';
import { connectMonitor, readExitRecord, type Monitor, type OciRuntime } from '../runtime';
import type { ContainerRecord, Table } from '../state';
import type { Storage } from '../storage';
import { type Ending, endingOf, unknownEnding } from './exit';
import { endSeenBy, ended, unlessLost } from './monitor-end';
import type { ContainerPaths } from './paths';

export interface SupervisorParts {
  readonly kernel: Kernel;
  readonly storage: Storage;
  readonly table: Table<ContainerRecord>;
  readonly runtimeOf: (record: ContainerRecord) => OciRuntime;
  readonly paths: (id: string) => ContainerPaths;
  readonly log: Log;
  /** Told of ends, lost monitors and what the OCI runtime is asked for. */
  readonly observations?: Observations;
}

/** The wait before something that must succeed is tried again. */
const againMs = 1_000;

/** How long a monitor has to see that its container was deleted. */
const dismissMs = 10_000;

/** A container that lives: its monitor's connection, and its end. */
interface Live {
  /** Replaced when it breaks off and the monitor is still there. */
  readonly connection: { monitor: Monitor };
  /** Resolves when the end is in the record, visible to readers. */
  readonly exited: Promise<void>;
  /** Resolves when the OCI runtime has forgotten it and its root file system is unmounted. */
  readonly reaped: Promise<void>;
}

/**
 * Follows the monitors: the one place where a container's end becomes its record. Writes of one record are
 * serialised, so that a start that is late cannot overwrite an exit that was early.
 */
export class Supervisor {
  private readonly live = new Map<string, Live>();
  private readonly writes = new KeyedLock('record of container');
  private closed = false;

  constructor(private readonly parts: SupervisorParts) {}

  /** Monitors that it is connected to, and those of containers that have not ended that it does not reach. */
  monitors(): { readonly connected: number; readonly unreachable: number } {
    let unreachable = 0;
    for (const { id, phase } of this.parts.table.values()) {
      if ((phase === 'created' || phase === 'running') && !this.live.has(id)) unreachable++;
    }
    return { connected: this.live.size, unreachable };
  }

  /** The monitor of a container that has not ended; rejects `container-state` otherwise. */
  monitor(id: string, op: string): Monitor {
    const live = this.live.get(id);
    const record = this.parts.table.get(id);
    if (!live || !record || record.exit) {
      const detail = record?.exit ? 'the container has ended' : 'the container is not running';
      throw new BerthError('container-state', { op, object: `container ${id}`, detail });
    }
    return live.connection.monitor;
  }

  /** Resolves when the container's end is recorded: at once if there is nothing to wait for. */
  async exited(id: string): Promise<void> {
    await this.live.get(id)?.exited;
  }

  /** Resolves when what the OCI runtime and the kernel held for the container is given back. */
  async reaped(id: string): Promise<void> {
    await this.live.get(id)?.reaped;
  }

  /** Changes the record, one change after the other; the function sees the latest and may decline by returning it. */
  async update(id: string, change: (record: ContainerRecord) => ContainerRecord): Promise<ContainerRecord | undefined> {
    return this.writes.with(id, undefined, async () => {
      const record = this.parts.table.get(id);
      if (!record) return undefined;
      const next = change(record);
      if (next !== record) await this.parts.table.put(next);
      return next;
    });
  }

  /** Follows a monitor from now on. */
  follow(id: string, monitor: Monitor): void {
    const connection = { monitor };
    // Not the call's that made the container: it goes on for as long as that lives.
    const live = outsideJobs((): Live => {
      const job = (work: () => Promise<void>) => backgroundJob('end of a container', { container: id }, work);
      const exited = this.endOf(id, connection).then((end) => job(() => this.recordExit(id, end)));
      return { connection, exited, reaped: exited.then(() => job(() => this.reap(id, connection.monitor))) };
    });
    this.live.set(id, live);
  }

  /**
   * Finds the monitor of a container that an earlier berthd started. Where nobody listens its exit record speaks, and
   * without that its cgroup is killed and the end is told as unknown, with the reason. Any other failure to reach it
   * rejects and changes nothing: the container may well run, and is tried again.
   */
  async adopt(record: ContainerRecord): Promise<void> {
    const { id } = record;
    if (this.live.has(id)) return;
    if (record.bootId !== this.parts.kernel.facts.bootId) return this.endByReboot(record);
    const monitor = await this.reach(id);
    if (!monitor) {
      await this.recordExit(id, await this.endWithoutMonitor(id, 'nobody listens on its socket'));
      await this.reap(id, undefined);
      return;
    }
    const { state } = monitor;
    this.follow(id, monitor);
    if (state.kind === 'running') {
      const { init, startedAt } = state;
      await this.update(id, (now) => (now.phase === 'created' ? { ...now, phase: 'running', init, startedAt } : now));
    }
  }

  /** Closes the connections; the monitors and their containers live on. */
  close(): void {
    this.closed = true;
    for (const { connection } of this.live.values()) connection.monitor.close();
    this.live.clear();
  }

  /**
   * Waits until the monitor of a container that the OCI runtime has deleted is gone, so that it writes nothing any
   * more: one that runs sees the end, leaves its record and is released.
   */
  async dismiss(id: string): Promise<void> {
    const monitor = this.live.get(id)?.connection.monitor ?? (await this.reach(id));
    this.live.delete(id);
    if (!monitor) return;
    try {
      // One that is to be restored has nothing that the runtime could have deleted.
      if (monitor.state.kind === 'created' && !monitor.state.init) await monitor.signal(9).catch(unlessLost);
      await abortable(ended(monitor), AbortSignal.timeout(dismissMs), `end the monitor of container ${id}`);
      await monitor.release().catch(unlessLost);
    } finally {
      monitor.close();
    }
  }

  /** Takes back what an ended container still held when an earlier berthd was killed. */
  async finishReaping(record: ContainerRecord): Promise<void> {
    await this.reap(record.id, await this.reach(record.id));
  }

  private async reach(id: string): Promise<Monitor | undefined> {
    try {
      return await connectMonitor(this.parts.paths(id).socket);
    } catch (error) {
      if (isBerthError(error, 'monitor-lost')) return undefined;
      throw error;
    }
  }

  /** The writable layer was mounted without syncs: after a power loss it may hold anything, so it goes. */
  private async endByReboot({ id, phase }: ContainerRecord): Promise<void> {
    const left = await readExitRecord(this.parts.paths(id).exitFile);
    const when = phase === 'created' ? 'before the container was started' : 'while the container ran';
    const end = left ? endingOf(left) : unknownEnding('NodeRestarted', `the machine was restarted ${when}`);
    await this.recordExit(id, end);
    await this.parts.storage.removeRootfs(id);
    await this.update(id, (now) => ({ ...now, reaped: true }));
  }

  private async endWithoutMonitor(id: string, why: string): Promise<Ending> {
    const { table, paths, kernel, log } = this.parts;
    const left = await readExitRecord(paths(id).exitFile);
    if (left) return endingOf(left);
    const record = table.get(id);
    log.error(
      { container: id },
      `the container's monitor is gone without an exit record: the container is ended (${why})`,
    );
    this.parts.observations?.tell({ kind: 'monitor-lost' });
    if (record) await kernel.removeCgroup(record.cgroupPath, AbortSignal.timeout(30_000));
    return unknownEnding('MonitorLost', `the monitor ended without a record of the container's exit: ${why}`);
  }

  /** The container's end, however long it takes. A connection that breaks off is made again while the monitor lives. */
  private async endOf(id: string, connection: { monitor: Monitor }): Promise<Ending> {
    let why = await endSeenBy(connection.monitor);
    while (why instanceof Error) {
      try {
        const monitor = await this.reach(id);
        if (!monitor) return await this.endWithoutMonitor(id, why.message);
        connection.monitor = monitor;
        why = await endSeenBy(monitor);
      } catch (error) {
        // berthd stops: the next one takes the container up.
        if (this.closed) return new Promise<never>(() => undefined);
        this.parts.log.error({ err: error, container: id }, `following the container: ${messageOf(error)}`);
        await pause(againMs);
      }
    }
    return why;
  }

  /** An end that cannot be written down, on a full disk, is kept in hand and written as soon as it can be. */
  private async recordExit(id: string, { exit, startedAt }: Ending): Promise<void> {
    for (let written = false; !written && !this.closed;) {
      try {
        const end = (record: ContainerRecord): ContainerRecord => {
          if (record.exit) return record;
          // A start whose record comes behind the end was before it all the same.
          const begun = record.startedAt || startedAt;
          return { ...record, phase: record.phase === 'removing' ? 'removing' : 'exited', startedAt: begun, exit };
        };
        await step('exit-container.record', () => this.update(id, end));
        written = true;
      } catch (error) {
        this.parts.log.error({ err: error, container: id }, `recording the container's end: ${messageOf(error)}`);
        await pause(againMs);
      }
    }
    this.parts.observations?.tell({ kind: 'container-ended', reason: exit.reason });
    this.parts.log.info({ container: id, exitCode: exit.exitCode, reason: exit.reason }, 'container ended');
  }

  /** Gives back what an ended container still holds. What fails here is done again by its removal. */
  private async reap(id: string, monitor: Monitor | undefined): Promise<void> {
    const { kernel, table, storage, runtimeOf, log } = this.parts;
    try {
      const record = table.get(id);
      if (record) await step('exit-container.delete', () => runtimeOf(record).delete(id));
      // The runtime forgets a restore that fails, and CRIU may have begun it.
      if (record?.restored) await kernel.removeCgroup(record.cgroupPath, AbortSignal.timeout(30_000));
      await step('exit-container.unmount', () => storage.unmountRootfs(id));
      if (monitor) await step('exit-container.release', () => monitor.release().catch(unlessLost));
      // Last: a start that finds it skips all of the above.
      await step('exit-container.reaped', () => this.update(id, (now) => ({ ...now, reaped: true })));
    } catch (error) {
      log.warn({ err: error, container: id }, `cleaning up after the container: ${messageOf(error)}`);
    } finally {
      monitor?.close();
      this.live.delete(id);
    }
  }
}
