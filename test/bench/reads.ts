import { setTimeout as delay } from 'node:timers/promises';
import { timed, type Samples } from './measure';

/** Between two reads, in milliseconds: some more of them than a kubelet and its scrapers ask for. */
const pauseMs = 25;

/** Pods that come and go at a time while reads are measured. */
const lanes = 2;

/** Has so many pods come and go. */
export async function inLanes(pods: number, comeAndGo: () => Promise<void>): Promise<void> {
  const lane = async (_: unknown, first: number) => {
    for (let index = first; index < pods; index += lanes) await comeAndGo();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** How long each read takes while the work goes on: one after the other, again and again. */
export async function readsWhile(
  lists: readonly (() => Promise<readonly object[]>)[],
  work: () => Promise<unknown>,
): Promise<Samples> {
  const going = { on: true };
  const samples: number[] = [];
  const reads = async () => {
    while (going.on) {
      for (const list of lists) {
        samples.push((await timed(list)).ms);
        await delay(pauseMs);
      }
    }
  };
  const reading = reads();
  try {
    await Promise.race([work(), reading]);
  } finally {
    going.on = false;
    await reading;
  }
  return samples;
}
