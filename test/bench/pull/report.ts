import type { Verdict } from '../report';
import { textTable } from '../text-table';
import type { PullerName, PullSample } from './contestant';

/** The figures of one contestant: times of its quieter rounds, memory of its worst. */
export type PullRow = PullSample & { readonly name: PullerName };

export function quietest(name: PullerName, samples: readonly PullSample[]): PullRow {
  const all = (of: (sample: PullSample) => number) => samples.map(of);
  return {
    name,
    wallMs: Math.min(...all(({ wallMs }) => wallMs)),
    cpuMs: Math.min(...all(({ cpuMs }) => cpuMs)),
    grownBytes: Math.max(...all(({ grownBytes }) => grownBytes)),
    helperBytes: Math.max(...all(({ helperBytes }) => helperBytes)),
  };
}

/** What is asked of berth's pulls: verdicts of the bench, never assertions of a test. */
export function pullVerdicts(rows: readonly PullRow[]): readonly Verdict[] {
  const berth = rows.find(({ name }) => name === 'berth');
  const peer = rows.find(({ name }) => name === 'peer');
  return [
    { bar: 'wall time <= 0.6 x peer', met: berth && peer && berth.wallMs <= 0.6 * peer.wallMs },
    { bar: 'berthd grows by less than 60 MiB', met: berth && berth.grownBytes < 60 * 2 ** 20 },
  ];
}

/** The table as it is printed; the last columns are each row's times beside those of the peer. */
export function pullTable(rows: readonly PullRow[]): string {
  const peer = rows.find(({ name }) => name === 'peer');
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  const beside = (of: number, other: number | undefined) => (other === undefined ? '-' : (of / other).toFixed(2));
  const lines = rows.map(({ name, wallMs, cpuMs, grownBytes, helperBytes }) => [
    name,
    (wallMs / 1000).toFixed(2),
    (cpuMs / 1000).toFixed(2),
    mib(grownBytes),
    mib(helperBytes),
    beside(wallMs, peer?.wallMs),
    beside(cpuMs, peer?.cpuMs),
  ]);
  const head = ['pull', 'wall (s)', 'cpu (s)', 'daemon + MiB', 'helpers MiB', 'wall/peer', 'cpu/peer'];
  return textTable([head, ...lines]);
}
