import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ended, type Daemon } from '../daemon';

/** When the daemon is killed: so long after the work began, or at the nth change of a folder of its root. */
export type Moment =
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'change'; readonly folder: string; readonly nth: number };

/** Folders whose changes are steps of a pull or a removal: something staged, named, noted, deleted. */
const steps = [
  { folder: 'staging', most: 8 },
  { folder: 'layers', most: 4 },
  { folder: 'blobs/sha256', most: 8 },
  { folder: 'meta', most: 16 },
] as const;

/** Half of the moments are any of the work's length, half are those at which something on the disk has just changed. */
export function drawMoment(random: () => number, lengthMs: number): Moment {
  if (random() < 0.5) return { kind: 'time', ms: Math.round(random() * lengthMs) };
  const { folder, most } = steps[Math.floor(random() * steps.length)] ?? steps[0];
  return { kind: 'change', folder, nth: 1 + Math.floor(random() * most) };
}

export function momentText(moment: Moment): string {
  return moment.kind === 'time' ? `after ${moment.ms} ms` : `at change ${moment.nth} of ${moment.folder}`;
}

/** Resolves at the moment, or when the work is over; says which. */
export async function reached(moment: Moment, root: string, work: Promise<unknown>): Promise<'moment' | 'end'> {
  const end = work.then(() => 'end' as const);
  if (moment.kind === 'time') return Promise.race([end, delay(moment.ms).then(() => 'moment' as const)]);
  let left = moment.nth;
  const changes = new AbortController();
  const change = new Promise<'moment'>((resolve, reject) => {
    const watcher = watch(join(root, moment.folder), { signal: changes.signal }, () => {
      if (--left === 0) resolve('moment');
    });
    watcher.once('error', reject);
  });
  try {
    return await Promise.race([end, change]);
  } finally {
    changes.abort();
  }
}

/** Who is killed: the daemon alone, or its launcher just after or just before it. */
export const victims = ['daemon', 'daemon, launcher', 'launcher, daemon'] as const;
export type Victims = (typeof victims)[number];

export async function killNow(daemon: Daemon, who: Victims): Promise<void> {
  const launchers = who === 'daemon' ? [] : await childrenOf(daemon.pid);
  const killLaunchers = () => launchers.forEach((pid) => process.kill(pid, 'SIGKILL'));
  if (who === 'launcher, daemon') killLaunchers();
  process.kill(daemon.pid, 'SIGKILL');
  if (who === 'daemon, launcher') killLaunchers();
  await ended(daemon);
}

/** berthd's only child is its launcher. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}
