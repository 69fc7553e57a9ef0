import { readFile } from 'node:fs/promises';
import type { Daemon } from '../daemon';
import { leaked, snapshot, type Snapshot } from '../leaks';
import { until } from '../wait';

/** What sessions could leave behind of berthd, beside what a snapshot of the machine shows. */
export interface Footprint {
  readonly machine: Snapshot;
  readonly threads: number;
  /** Bytes of memory that are berthd's own, shared ones in proportion (smaps_rollup). */
  readonly pss: number;
}

export async function footprint(daemon: Daemon): Promise<Footprint> {
  const [machine, status, rollup] = await Promise.all([
    snapshot(daemon),
    readFile(`/proc/${daemon.pid}/status`, 'utf8'),
    readFile(`/proc/${daemon.pid}/smaps_rollup`, 'utf8'),
  ]);
  return { machine, threads: field(status, 'Threads'), pss: field(rollup, 'Pss') * 1024 };
}

/**
 * runc's copy of itself for the time of its start: where it is killed in just that moment nobody else can tell it from one
 * that another exec needs. It is an empty file, and goes with the container.
 */
const ofRunc = /^paths: run\/runtime\/runc\/[0-9a-f]+\/runc\.\w{6}$/;

/** Waits until nothing is there beyond the earlier footprint: descriptors, processes, cgroups, threads. */
export async function backTo(before: Footprint, daemon: Daemon): Promise<Footprint> {
  let left: string[] = [];
  let now = before;
  await until(
    'the sessions to be gone',
    async () => {
      now = await footprint(daemon);
      left = leaked(before.machine, now.machine).filter((name) => !ofRunc.test(name));
      if (now.threads > before.threads) left.push(`${now.threads - before.threads} threads`);
      return left.length === 0;
    },
    60_000,
  ).catch((cause: unknown) => {
    throw new Error(`left behind:\n${left.join('\n')}`, { cause });
  });
  return now;
}

function field(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? NaN);
}
