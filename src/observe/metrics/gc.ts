import { constants, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks';

/** How the kinds of pauses are called. */
const kinds: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weak-callbacks',
};

export const gcKinds: readonly string[] = Object.values(kinds);

/** Tells of each pause of the garbage collector. */
export function watchGc(told: (kind: string, seconds: number) => void): Disposable {
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) told(kindOf(entry), entry.duration / 1000);
  });
  observer.observe({ entryTypes: ['gc'] });
  return { [Symbol.dispose]: () => observer.disconnect() };
}

function kindOf(entry: PerformanceEntry): string {
  const detail: unknown = 'detail' in entry ? entry.detail : undefined;
  const kind = typeof detail === 'object' && detail !== null && 'kind' in detail ? Number(detail.kind) : NaN;
  return kinds[kind] ?? 'other';
}
