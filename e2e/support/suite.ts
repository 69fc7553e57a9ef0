import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endDaemon, isAlive, launch, type Daemon } from './daemon';
import { daemonKind, environment } from './environment';
import { leaked, snapshot } from './leaks';
import { until } from './wait';
import { World } from './world';

/** Suites of what is berth's own promise, beyond what CRI asks: a peer does not answer for them. */
export const berthOnly: jest.Describe = daemonKind() === 'berth' ? describe : describe.skip;
export const berthTest: jest.It = daemonKind() === 'berth' ? test : test.skip;

/** The daemon of the global setup; undefined when somebody else's is tested. */
export async function daemonUnderTest(): Promise<Daemon | undefined> {
  const { dir } = environment();
  return dir === undefined ? undefined : (JSON.parse(await readFile(join(dir, 'daemon.json'), 'utf8')) as Daemon);
}

/**
 * Gives the suite a world on the daemon under test, takes down what it made and compares the machine with what was there
 * before. To be called once, at the top of a test file.
 */
export function useWorld(): { readonly world: World } {
  const held: { world?: World } = {};
  let before: Awaited<ReturnType<typeof snapshot>> | undefined;

  beforeAll(async () => {
    const daemon = await daemonUnderTest();
    held.world = await World.open(environment().socket, daemon?.layout.names.cgroupParent ?? '');
    await held.world.cri.version();
    if (daemon) before = await snapshot(daemon);
  });

  // A case that fails between the daemon's end and its next start must not take those behind it along.
  afterEach(async () => {
    const daemon = await daemonUnderTest();
    if (held.world && daemon && !(await isAlive(daemon))) await startAgain(daemon, held.world);
  });

  afterAll(async () => {
    const { world } = held;
    if (world === undefined) return;
    try {
      await world.clear();
      if (before !== undefined) await expectNoLeaks(before);
    } finally {
      await world.close();
    }
  });

  return {
    get world() {
      if (held.world === undefined) throw new Error('the world is there from beforeAll on');
      return held.world;
    },
  };
}

/** Fails with what is there beyond the earlier snapshot, once it has had time to go. */
export async function expectNoLeaks(
  before: Awaited<ReturnType<typeof snapshot>>,
  everything = false,
  which?: Daemon,
): Promise<void> {
  let left: string[] = [];
  await until('nothing to be left', async () => {
    const daemon = which ?? (await daemonUnderTest());
    left = daemon === undefined ? [] : leaked(before, await snapshot(daemon, everything));
    return left.length === 0;
  }).catch((cause: unknown) => {
    throw new Error(`left behind:\n${left.join('\n')}`, { cause });
  });
}

/** The daemon under test, to end it and start it again; the world's connection follows. */
export async function restartable(world: World): Promise<{
  readonly current: Daemon;
  readonly kill: () => Promise<void>;
  readonly end: () => Promise<void>;
  readonly launch: () => Promise<void>;
}> {
  const daemon = await daemonUnderTest();
  if (daemon === undefined) throw new Error('only a daemon that e2e/run has started can be started again');
  let current = daemon;
  return {
    get current() {
      return current;
    },
    kill: () => endDaemon(current, 'SIGKILL'),
    end: () => endDaemon(current, 'SIGTERM'),
    launch: async () => {
      current = await startAgain(current, world);
    },
  };
}

async function startAgain(daemon: Daemon, world: World): Promise<Daemon> {
  world.disconnect();
  const started = await launch(daemon);
  await writeFile(join(started.layout.dir, 'daemon.json'), JSON.stringify(started));
  world.reconnect();
  return started;
}
