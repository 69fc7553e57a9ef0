import { figureOf } from './parse';
import type { MemoryReading } from './usage';

/** What memory.stat calls the figures that are read from it. */
interface FigureNames {
  readonly inactive: string;
  readonly rss: string;
  readonly pageFaults: string;
  readonly majorPageFaults: string;
}

/** A reading from memory.stat beside use and limit in bytes; the working set is what is not a file's and idle, as cAdvisor has it. */
export function memoryReading(
  usage: bigint,
  limit: bigint | undefined,
  stat: string,
  names: FigureNames,
): MemoryReading {
  const inactive = figureOf(stat, names.inactive) ?? 0n;
  return {
    usage,
    workingSet: usage > inactive ? usage - inactive : 0n,
    ...(limit !== undefined && { limit }),
    rss: figureOf(stat, names.rss) ?? 0n,
    pageFaults: figureOf(stat, names.pageFaults) ?? 0n,
    majorPageFaults: figureOf(stat, names.majorPageFaults) ?? 0n,
  };
}
