import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endDaemon, launch, removeTraces, startDaemon, type Daemon, type DaemonOptions } from './daemon';
import { daemonKind, environment, usesSlices } from './environment';
import { layoutIn, makeLayout } from './layout';
import { isTrouble, leaked, nothing, snapshot } from './leaks';
import { drawNames } from './machine';
import { until } from './wait';
import { World } from './world';

/** A line of berthd's log; level 50 is an error. */
export interface ReloadTold {
  readonly level: number;
  readonly msg: string;
  readonly changed?: readonly string[];
}

export interface SpareDaemon extends AsyncDisposable {
  /** As it runs now: another process after each `launch`. */
  readonly daemon: Daemon;
  readonly world: World;
  kill(): Promise<void>;
  /** Has it read its configuration again (SIGHUP), and gives what it says of that. */
  reload(): Promise<ReloadTold>;
  /** Starts it again once it has ended, with these variables and this command if any are given; the world's connection follows. */
  launch(env?: DaemonOptions['env'], command?: Daemon['command']): Promise<void>;
  /** The same, and the world's connection stays as it is. */
  start(env?: DaemonOptions['env'], command?: Daemon['command']): Promise<void>;
}

/** A second daemon of the same kind, for what a good one cannot show; its end checks that it left nothing. */
export async function spareDaemon({
  network = true,
  ...options
}: Omit<DaemonOptions, 'layout' | 'hosts'> & { readonly network?: boolean }): Promise<SpareDaemon> {
  const { registry, hostilePort } = environment();
  const dir = await mkdtemp(join(tmpdir(), 'berth-e2e-spare-'));
  await chmod(dir, 0o711);
  const layout = layoutIn(join(dir, 'd'), await drawNames('spare', usesSlices()));
  await makeLayout(layout, network);
  const hosts = { registry, hostile: `127.0.0.1:${hostilePort}` };
  let daemon = await startDaemon(daemonKind(), { ...options, layout, hosts }).catch(async (error: unknown) => {
    await rm(dir, { recursive: true, force: true });
    throw error;
  });
  const world = await World.open(layout.socket, layout.names.cgroupParent);
  const start: SpareDaemon['start'] = async (env = daemon.env, command = daemon.command) => {
    daemon = await launch({ ...daemon, env, command });
  };
  return {
    get daemon() {
      return daemon;
    },
    world,
    kill: () => endDaemon(daemon, 'SIGKILL'),
    reload: () => reload(daemon),
    start,
    async launch(env, command) {
      world.disconnect();
      await start(env, command);
      world.reconnect();
    },
    async [Symbol.asyncDispose]() {
      await world.clear();
      await world.close();
      await endDaemon(daemon);
      const left = leaked(nothing, await snapshot(daemon)).filter(isTrouble);
      await removeTraces(layout);
      await rm(dir, { recursive: true, force: true });
      if (left.length > 0) throw new Error(`a spare daemon left behind:\n${left.join('\n')}`);
    },
  };
}

async function reload({ layout, pid }: Daemon): Promise<ReloadTold> {
  const said = async () =>
    (await readFile(join(layout.dir, 'daemon.log'), 'utf8'))
      .split('\n')
      .filter((line) => /"msg":"the configuration was/.test(line));
  const before = (await said()).length;
  process.kill(pid, 'SIGHUP');
  return JSON.parse(await until('the reload to be told', async () => (await said())[before])) as ReloadTold;
}
