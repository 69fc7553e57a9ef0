import type { DaemonKind } from '../../../e2e/support/environment';
import { benchPlace } from '../place';
import { writeResult } from '../result';
import { type StreamContestant, streamContestant, type StreamKind, streamKinds, type StreamSample } from './contestant';

export interface StreamBenchOptions {
  readonly mib: number;
  readonly rounds: number;
  readonly resultDir: string;
  readonly say: (line: string) => void;
}

/** A verdict of the bench, never an assertion of a test. */
const barRatio = 1;

/**
 * Sends data through exec and port-forward and back, with each daemon in turns and the same client, prints the throughput
 * and writes it as JSON; gives its path. Of the rounds the faster one counts.
 */
export async function streamBench({ mib, rounds, resultDir, say }: StreamBenchOptions): Promise<string> {
  await using place = await benchPlace(say);
  const contestants = new Map<DaemonKind, StreamContestant>();
  const samples: { readonly by: DaemonKind; readonly kind: StreamKind; readonly sample: StreamSample }[] = [];
  try {
    for (const kind of place.kinds) {
      const contestant = await streamContestant(kind, await place.options(kind, kind));
      contestants.set(kind, contestant);
      say(contestant.version);
    }
    for (let round = 0; round < rounds; round++) {
      const turn = [...contestants];
      for (const [by, contestant] of round % 2 === 0 ? turn : turn.reverse()) {
        for (const kind of streamKinds) {
          const sample = await contestant.transfer(kind, mib * 2 ** 20);
          samples.push({ by, kind, sample });
          const cpu = (sample.daemonCpuMs / 1000).toFixed(1);
          say(`round ${round + 1}: ${by}: ${kind}: ${rate(mib, sample).toFixed(0)} MiB/s, ${cpu} s of the daemon`);
        }
      }
    }
    const rows = streamKinds.map((kind) => {
      const best = (by: DaemonKind) => {
        const rates = samples
          .filter((each) => each.by === by && each.kind === kind)
          .map((each) => rate(mib, each.sample));
        return rates.length > 0 ? Math.max(...rates) : undefined;
      };
      const [berth, peer] = [best('berth'), best('containerd')];
      const ratio = berth !== undefined && peer !== undefined ? berth / peer : undefined;
      return { kind, berth, peer, ratio, met: ratio === undefined ? undefined : ratio >= barRatio };
    });
    say('');
    for (const { kind, berth, peer, ratio, met } of rows) {
      const figure = (value: number | undefined, digits: number) => value?.toFixed(digits) ?? '-';
      const verdict = met === undefined ? 'not measured' : met ? 'met' : 'MISSED';
      const line = `${kind}: ${figure(berth, 0)} MiB/s, peer ${figure(peer, 0)}, ratio ${figure(ratio, 2)}`;
      say(`${line} (>= ${barRatio}: ${verdict})`);
    }
    const versions = Object.fromEntries([...contestants].map(([kind, { version }]) => [kind, version]));
    return await writeResult(resultDir, 'streaming-', { versions, mib, rounds, rows, samples });
  } finally {
    const ends = await Promise.allSettled([...contestants.values()].map((each) => each.close()));
    for (const end of ends) if (end.status === 'rejected') say(`clean-up: ${String(end.reason)}`);
  }
}

const rate = (mib: number, { ms }: StreamSample): number => mib / (ms / 1000);
