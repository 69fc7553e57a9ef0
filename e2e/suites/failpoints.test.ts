import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status, type ServiceError } from '@grpc/grpc-js';
import { endDaemon, ended, logOf } from '../support/daemon';
import { knownFailpoints } from '../support/failpoints/known';
import { recordsIn } from '../support/failpoints/records';
import { isTheCallers, scenarioOf, undoOf, type Given, type Scenario } from '../support/failpoints/scenarios';
import { images } from '../support/fixtures';
import { bridgeList } from '../support/layout';
import { snapshot, type Snapshot } from '../support/leaks';
import { daemonKind } from '../support/environment';
import { seededRandom } from '../support/random';
import { spareDaemon, type SpareDaemon } from '../support/spare-daemon';
import { berthOnly, expectNoLeaks } from '../support/suite';
import { until } from '../support/wait';

/** `npm run rollback` asks for all of them; the seed is told, so that a failure can be run again. */
const whole = process.env['BERTH_ROLLBACK_WHOLE'] !== undefined;
const seed = Number(process.env['BERTH_ROLLBACK_SEED'] ?? 1);
const sliceOf = 12;

interface Case {
  readonly failpoint: string;
  readonly scenario: Scenario;
}

const known = daemonKind() === 'berth' ? knownFailpoints() : [];
const calls = known.map((failpoint): Case => ({ failpoint, scenario: scenarioOf(failpoint) }));
const undos = known.flatMap((failpoint): Case[] => {
  const scenario = undoOf(failpoint);
  return scenario ? [{ failpoint, scenario }] : [];
});

/** Each of so many, from one on that the seed draws; all of them where the whole is asked for. */
function drawn(cases: readonly Case[], salt: number): [string, Case][] {
  const first = Math.floor(seededRandom(seed * 31 + salt)() * Math.min(sliceOf, cases.length));
  return cases.filter((_, index) => whole || index % sliceOf === first).map((each) => [each.failpoint, each]);
}

let spare: SpareDaemon;
let fresh: Snapshot;

/** Starts the daemon anew with these failpoints, or without any. */
async function restart(failpoints = ''): Promise<void> {
  await endDaemon(spare.daemon);
  await spare.launch({ BERTH_FAILPOINTS: failpoints });
}

async function attempt({ call }: Scenario, given: Given): Promise<Pick<ServiceError, 'code' | 'details'> | undefined> {
  try {
    await call(spare.world, given);
    return undefined;
  } catch (error) {
    return error as ServiceError;
  }
}

/** How often the daemon has said that it came by. */
async function reached(failpoint: string): Promise<number> {
  const log = await readFile(logOf(spare.daemon.layout), 'utf8');
  return log.split(`"failpoint ${failpoint} is reached`).length - 1;
}

/** Removes every pod. */
async function clear(): Promise<void> {
  for (const { id } of await spare.world.cri.listPods()) spare.world.adopt(id);
  await spare.world.clear();
}

/** The call succeeds now, and its work is undone in the usual way: nothing is there any more. */
async function againAndGone(scenario: Scenario, given: Given): Promise<void> {
  expect(await attempt(scenario, given)).toBeUndefined();
  await scenario.done(spare.world, given);
  await clear();
  await expectNoLeaks(fresh, false, spare.daemon);
  expect(await recordsIn(spare.daemon.layout)).toEqual([]);
}

/** Starts the daemon with the failpoint, and gives what it had before the call. */
async function prepare({ failpoint, scenario }: Case, action: string) {
  await restart(`${scenario.also ?? ''}${failpoint}=${action}`);
  const given = await scenario.given(spare.world);
  // The connection of the client is there from its first call on.
  await spare.world.cri.version();
  const { layout } = spare.daemon;
  return {
    given,
    machine: await snapshot(spare.daemon),
    records: await recordsIn(layout),
    times: await reached(failpoint),
  };
}

/** Nothing is there but what was before the call, where that takes back what it has made. */
async function expectUndone({ undoes }: Scenario, before: Awaited<ReturnType<typeof prepare>>): Promise<void> {
  if (!undoes) return;
  await expectNoLeaks(before.machine, false, spare.daemon);
  expect(await recordsIn(spare.daemon.layout)).toEqual(before.records);
}

async function expectKilled({ failpoint, scenario }: Case, given: Given): Promise<void> {
  const error = await attempt(scenario, given);
  await ended(spare.daemon);
  expect(await reached(failpoint)).toBeGreaterThan(0);
  // What goes on behind a call may end berthd when it was answered already.
  if (isTheCallers(failpoint)) expect(error).toMatchObject({ code: status.UNAVAILABLE });
}

berthOnly(`failpoints${whole ? '' : `, some of them (seed ${seed})`}`, () => {
  beforeAll(async () => {
    spare = await spareDaemon({ network: false, config: '[runtime]\ncriu = "true"\n' });
    const { layout } = spare.daemon;
    // No plugin maps host ports: they are berth's own, and so are the rules that have to be gone.
    const list = bridgeList('1.0.0', layout, [layout.names.subnet]);
    await writeFile(join(layout.cniConfDir, '10-e2e.conflist'), JSON.stringify(list));
    await until('the network to be ready', async () => {
      const { status: answer } = await spare.world.cri.status();
      return answer?.conditions.every((condition) => condition.status);
    });
    for (const image of [images.busybox, images.volume]) await spare.world.cri.pull(image);
    // What a daemon opens on first use is there before the first comparison.
    for (const { scenario } of new Map(calls.map((each) => [each.failpoint.split('.')[0], each])).values()) {
      const given = await scenario.given(spare.world);
      await scenario.call(spare.world, given);
      await spare.world.clear();
    }
    fresh = await snapshot(spare.daemon);
  });
  // A case that has failed leaves neither pods nor failpoints to the next one.
  afterEach(async () => {
    if ((await recordsIn(spare.daemon.layout)).length === 0) return;
    // It may have ended already.
    await spare.kill().catch(() => undefined);
    await spare.launch({ BERTH_FAILPOINTS: '' });
    await clear();
  });
  afterAll(async () => {
    if (spare) await spare[Symbol.asyncDispose]();
  });

  test.each(drawn(calls, 1))(
    '%s: an error is told and undone, and the call succeeds the next time',
    async (_, each) => {
      const { failpoint, scenario } = each;
      const before = await prepare(each, 'error*1');
      const error = await attempt(scenario, before.given);
      await until('the failpoint to be reached', async () => (await reached(failpoint)) > before.times);
      if (isTheCallers(failpoint)) {
        expect(error).toMatchObject({ code: status.INTERNAL, details: expect.stringContaining(failpoint) as unknown });
        await expectUndone(scenario, before);
      } else {
        expect(error).toBeUndefined();
      }
      await againAndGone(scenario, before.given);
    },
  );

  test.each(drawn(calls, 2))('%s: a kill is made good by the next start', async (_, each) => {
    const { scenario } = each;
    const before = await prepare(each, 'kill');
    await expectKilled(each, before.given);
    await spare.launch({ BERTH_FAILPOINTS: '' });
    if (!(await isDone(scenario, before))) await expectUndone(scenario, before);
    await againAndGone(scenario, before.given);
  });

  test.each(drawn(undos, 3))(
    '%s: an undo that fails keeps its record, and is done by the next start',
    async (_, each) => {
      const { failpoint, scenario } = each;
      const before = await prepare(each, 'error');
      expect(await attempt(scenario, before.given)).toMatchObject({
        details: expect.stringContaining('failpoint') as unknown,
      });
      expect(await reached(failpoint)).toBeGreaterThan(before.times);
      const kept = (await recordsIn(spare.daemon.layout)).length - before.records.length;
      expect(kept).toBe(failpoint.includes('.forget.after') ? 0 : 1);
      await restart();
      await expectUndone(scenario, before);
      await againAndGone(scenario, before.given);
    },
  );

  test.each(drawn(undos, 4))('%s: an undo that is cut off by a kill is done by the next start', async (_, each) => {
    const { scenario } = each;
    const before = await prepare(each, 'kill');
    await expectKilled(each, before.given);
    await spare.launch({ BERTH_FAILPOINTS: '' });
    await expectUndone(scenario, before);
    await againAndGone(scenario, before.given);
  });
});

/** Whether the daemon died when all was done already: what the call has made is there, and stays. */
async function isDone({ undoes }: Scenario, { records }: { readonly records: readonly string[] }): Promise<boolean> {
  const { cri } = spare.world;
  const shown = (await cri.listPods()).length + (await cri.listContainers()).length;
  return undoes && shown > records.length;
}
