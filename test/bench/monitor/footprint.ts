import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** Memory of one process, in KiB. */
export interface Footprint {
  /** Proportional set size: what it shares is divided among those that share it. */
  readonly pss: number;
  /** The part of it that is nobody else's: stack, heap and buffers. */
  readonly anonymous: number;
  /** What the kernel holds for it: page tables, and a stack of 16 KiB (x86-64, arm64) for each thread. */
  readonly kernel: number;
}

const kernelStack = 16;

/** A monitor gives memory back after a quarter of a second without work. */
const restMs = 1000;

/** What they have when they have had nothing to do for a while. */
export async function atRest(pids: readonly number[]): Promise<readonly Footprint[]> {
  await delay(restMs);
  return Promise.all(pids.map(footprint));
}

export async function footprint(pid: number): Promise<Footprint> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kernel = field(status, 'VmPTE') + kernelStack * field(status, 'Threads');
  return { pss: field(rollup, 'Pss'), anonymous: field(rollup, 'Pss_Anon'), kernel };
}

function field(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1];
  if (found === undefined) throw new Error(`there is no ${name} in:\n${text}`);
  return Number(found);
}
