import type { Contestant, Extent } from './contestant';
import { daemonContestant } from './daemon-contestant';
import { floorContestant } from './floor';
import type { RowName, Samples } from './measure';
import { firstThatIsThere } from './peer';
import { benchPlace, type BenchPlace } from './place';
import { pulseMs } from './pulse';
import { figure, rowOf, table, verdicts } from './report';
import { writeResult } from './result';

export interface BenchOptions {
  readonly extent: Extent;
  readonly rounds: number;
  /** Where the JSON goes. */
  readonly resultDir: string;
  readonly say: (line: string) => void;
}

const rowNames: readonly RowName[] = [
  'pod start',
  'pod stop',
  'exec',
  'burst',
  'container stats',
  'pod stats',
  'pod metrics',
  'reads',
  'teardown',
];

/** Measures floor, berth and peer in turns on one machine, prints the table and writes it as JSON; gives its path. */
export async function bench({ extent, rounds, resultDir, say }: BenchOptions): Promise<string> {
  await using place = await benchPlace(say);
  const contestants: Contestant[] = [];
  try {
    for (const open of await openers(place)) {
      const contestant = await open();
      contestants.push(contestant);
      say(`${contestant.name}: ${contestant.version}`);
    }
    const samples = await measure(contestants, extent, rounds, say);
    const rows = rowNames.map((name) => rowOf(name, samples[name]));
    const labels = labelsOf(extent);
    say('');
    say(table(rows, labels));
    return await writeResult(resultDir, '', {
      versions: Object.fromEntries(contestants.map(({ name, version }) => [name, version])),
      extent,
      rounds,
      rows: rows.map((row) => ({
        name: labels[row.name],
        ms: {
          floor: row.floor && figure(row.name, row.floor),
          berth: figure(row.name, row.berth),
          peer: row.peer && figure(row.name, row.peer),
        },
        verdicts: verdicts(row),
        samplesMs: { floor: row.floor, berth: row.berth, peer: row.peer },
      })),
    });
  } finally {
    const ends = await Promise.allSettled(contestants.map((contestant) => contestant.close()));
    for (const end of ends) if (end.status === 'rejected') say(`clean-up: ${String(end.reason)}`);
  }
}

/** The peer is Debian's containerd, or the one that BERTH_PEER names; without either there is none. */
async function openers(place: BenchPlace): Promise<readonly (() => Promise<Contestant>)[]> {
  const pluginDir = (await firstThatIsThere('/opt/cni/bin', '/usr/lib/cni')) ?? '/usr/lib/cni';
  return [
    async () => floorContestant((await place.options('floor')).layout, pluginDir),
    ...place.kinds.map((kind) => async () => daemonContestant(kind, await place.options(kind, kind))),
  ];
}

/** Rounds in turns, the order reversed from one to the next: what drifts on the machine hits all alike. */
async function measure(
  contestants: readonly Contestant[],
  extent: Extent,
  rounds: number,
  say: (line: string) => void,
) {
  const samples = Object.fromEntries(
    rowNames.map((name) => [name, { floor: [], berth: [], peer: [] }]),
  ) as unknown as Record<RowName, Record<Contestant['name'], Samples[]>>;
  for (let round = 0; round < rounds; round++) {
    for (const contestant of round % 2 === 0 ? contestants : [...contestants].reverse()) {
      const begun = Date.now();
      for (const { row, samples: taken } of await contestant.round(extent)) samples[row][contestant.name].push(taken);
      say(`round ${round + 1}: ${contestant.name} took ${((Date.now() - begun) / 1000).toFixed(1)} s`);
    }
  }
  return samples;
}

const labelsOf = ({ pods, execs, burst, stats }: Extent): Readonly<Record<RowName, string>> => ({
  'pod start': `pod start, p50 of ${pods}`,
  'pod stop': `pod stop and remove, p50 of ${pods}`,
  exec: `ExecSync, p50 of ${execs}`,
  burst: `${burst} pods at once, wall`,
  'container stats': `ListContainerStats of the ${burst}, p50 of ${stats}`,
  'pod stats': `ListPodSandboxStats of the ${burst}, p50 of ${stats}`,
  'pod metrics': `ListPodSandboxMetrics of the ${burst}, p50 of ${stats} (containerd 1.6 has none)`,
  reads: `slowest read of the ${burst} while ${pods} come and go (floor: a computation of ${pulseMs} ms)`,
  teardown: `taking the ${burst} down, wall`,
});
