import { writeFile } from 'node:fs/promises';
import { runCampaign, type Figures } from '../support/malformed/campaign';
import { casesOf } from '../support/malformed/cases';
import { readSchema } from '../support/malformed/schema';
import { Stand } from '../support/malformed/standing';
import { seededRandom } from '../support/random';
import { berthOnly, useWorld } from '../support/suite';
import { slow } from '../../test/slow.cjs';

const suite = useWorld();
/** `npm run malformed` asks for all; the seed is told, so that a failure can be run again: its request alone, too. */
const whole = Number(process.env['BERTH_MALFORMED_REQUESTS'] ?? 0);
const seed = Number(process.env['BERTH_MALFORMED_SEED'] ?? 20261130);
const only = process.env['BERTH_MALFORMED_ONLY']?.split(',').map(Number);
/** Where the figures are written. */
const report = process.env['BERTH_MALFORMED_REPORT'];

/** What the usual run takes of the whole: some hundreds. */
const slice = 300;
const usualWhole = 6000;

berthOnly('requests that are wrong', () => {
  test(
    `seed ${seed}: each is refused as the caller's mistake or served, the daemon goes on, and nothing is left`,
    async () => {
      const { world } = suite;
      const schema = readSchema();
      const stand = await Stand.make(world);
      try {
        const cases = casesOf(schema, stand.now, seed, whole || usualWhole).map((of, index) => ({ index, of }));
        const random = seededRandom(seed);
        const share = whole ? 1 : slice / cases.length;
        const chosen = cases.filter(({ index }) => (only ? only.includes(index) : random() < share));
        const { figures, failures } = await runCampaign(schema, world, stand, chosen, seed);
        if (report !== undefined) await writeFile(report, `${table(figures)}\n\n${failures.join('\n')}\n`);
        expect(failures).toEqual([]);
      } finally {
        await stand.end();
      }
    },
    (whole ? 3_600_000 : 180_000) * slow,
  );
});

/** By RPC: how many requests, and how often each code. */
function table(figures: Figures): string {
  return [...figures]
    .map(([rpc, codes]) => {
      const sum = [...codes.values()].reduce((a, b) => a + b, 0);
      return `${rpc} ${sum}: ${[...codes].map(([code, count]) => `${code} ${count}`).join(', ')}`;
    })
    .sort()
    .join('\n');
}
