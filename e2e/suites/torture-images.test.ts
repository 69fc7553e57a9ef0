import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { slow } from '../../test/slow.cjs';
import { host, pushKnownImages } from '../support/crash/images';
import { drawMoment, killNow, momentText, reached, victims, type Moment } from '../support/crash/moment';
import { troubles } from '../support/crash/whole';
import { drawWork, runWork, type Site, type Work } from '../support/crash/work';
import { logOf } from '../support/daemon';
import { environment } from '../support/environment';
import { snapshot } from '../support/leaks';
import { seededRandom } from '../support/random';
import { RegistryContent } from '../support/registry';
import { spareDaemon } from '../support/spare-daemon';
import { berthOnly, expectNoLeaks } from '../support/suite';
import { until } from '../support/wait';

/** `npm run torture` asks for more; the seed is told, so that a failure can be run again. */
const rounds = Number(process.env['BERTH_TORTURE_ROUNDS'] ?? 6);
const seed = Number(process.env['BERTH_TORTURE_SEED'] ?? 20261127);
/**
 * A start that follows a kill has to answer within this, on a machine of the usual speed. It waits for the launcher of the
 * killed one, and that for a syncfs that runs: how long it is depends on what else is written. Milliseconds.
 */
const readyMs = 15_000;

berthOnly('kill -9 at any moment of pulls, loads and removals', () => {
  test(
    `${rounds} rounds of seed ${seed}: the next daemon serves whole images only, and nothing is left`,
    async () => {
      const random = seededRandom(seed);
      const registry = new RegistryContent(environment().registry);
      const images = await pushKnownImages(registry);
      await using spare = await spareDaemon({ network: false });
      const { world } = spare;
      const archive = join(world.dir, 'loaded.tar');
      await writeFile(archive, images.loaded.archive);
      const site: Site = { world, images, registry, archive, random };
      const times = { work: 0, inTheMiddle: 0, slowestStartMs: 0 };

      // How long all of it takes here, undisturbed.
      const started = performance.now();
      await Promise.all(images.all.map(({ repository }) => world.cri.pull(`${host}/${repository}:1`)));
      // A round asks for less than all.
      times.work = 0.6 * (performance.now() - started);
      // What a daemon makes with its first container, it keeps.
      await world.runToEnd('true', { imageName: images.all[0]?.id ?? '' });
      await world.clear();
      const before = await snapshot(spare.daemon);

      for (let round = 0; round < rounds; round++) {
        for (const { id } of images.all) if (random() < 0.4) await world.cri.removeImage(id);
        const work = drawWork(site, 3 + Math.floor(random() * 5));
        const moment = drawMoment(random, times.work);
        const who = victims[Math.floor(random() * victims.length)] ?? 'daemon';
        const told = tell(round, moment, who, work);
        try {
          const running = runWork(work, random);
          if ((await reached(moment, spare.daemon.layout.root, running)) === 'moment') times.inTheMiddle++;
          await killNow(spare.daemon, who);
          const results = await running;
          await until('helpers to end with their launcher', async () => {
            const { processes } = await snapshot(spare.daemon);
            return ![...processes.keys()].some((commandLine) => /\/(unpack|launcher)\b/.test(commandLine));
          });

          const launched = performance.now();
          await spare.launch();
          times.slowestStartMs = Math.max(times.slowestStartMs, performance.now() - launched);
          expect(times.slowestStartMs).toBeLessThan(readyMs * slow);

          for (const { id } of await world.cri.listPods()) world.adopt(id);
          await world.clear();
          expect(await troubles(world.cri, spare.daemon.layout, images.byId)).toEqual([]);
          await expectNoLeaks(before, false, spare.daemon);

          const again = work.filter((_, at) => results[at]?.status === 'rejected');
          for (const one of again) await one.again();
          expect(await troubles(world.cri, spare.daemon.layout, images.byId)).toEqual([]);
          for (const { id } of (await world.cri.listImages()).slice(0, 1)) {
            const { lines, status } = await world.runToEnd('echo whole', { imageName: id });
            expect([status.exitCode, lines.map(({ text }) => text)]).toEqual([0, ['whole']]);
          }
          await world.clear();
        } catch (cause) {
          throw new Error(`${told}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
        }
      }
      // A start that could not renew the state's file, or lost a layer, says so.
      const log = await readFile(logOf(spare.daemon.layout), 'utf8');
      expect(
        log.split('\n').filter((line) => /goes on in its old file|layers are gone|not recovered/.test(line)),
      ).toEqual([]);
      const { work, inTheMiddle, slowestStartMs } = times;
      process.stdout.write(
        `${rounds} rounds of seed ${seed}: work of ${Math.round(work)} ms, ${inTheMiddle} killed in the middle, ` +
          `slowest start ${Math.round(slowestStartMs)} ms\n`,
      );
    },
    (60_000 + rounds * 20_000) * slow,
  );
});

function tell(round: number, moment: Moment, who: string, work: readonly Work[]): string {
  const labels = work.map(({ label }) => label).join('; ');
  return `round ${round} of seed ${seed}, ${who} killed ${momentText(moment)} of: ${labels}`;
}
