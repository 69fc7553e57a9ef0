import { getPriority, setPriority } from 'node:os';
import { loopPriority } from '../../src/base/loop-priority';

/** As long as the longest list of the stats of 110 pods takes when nothing else runs: milliseconds of one processor. */
export const pulseMs = 16;

/** A computation that asks nobody for anything. */
function compute(turns: number): number {
  let value = 1;
  for (let turn = 0; turn < turns; turn++) value = (Math.imul(value, 1_103_515_245) + 12_345) | 0;
  return value;
}

const timeOf = (turns: number): number => {
  const begun = performance.now();
  compute(turns);
  return performance.now() - begun;
};

/**
 * A piece of work that always takes `pulseMs`, with the priority that berthd has: how much longer one takes is what the
 * machine has taken from it, and would have taken from any read of that length.
 */
export function calibratedPulse(): () => Promise<readonly object[]> {
  const probe = 2_000_000;
  const fastest = Math.min(...Array.from({ length: 30 }, () => timeOf(probe)));
  const turns = Math.round((probe * pulseMs) / fastest);
  const given = getPriority();
  return async () => {
    setPriority(loopPriority);
    try {
      compute(turns);
    } finally {
      // What is forked next does not inherit it.
      setPriority(given);
    }
    return [];
  };
}
