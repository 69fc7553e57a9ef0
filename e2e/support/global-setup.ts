import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NamespaceMode } from '../../src/wire';
import { logOf, startDaemon, type Daemon } from './daemon';
import { daemonKind, usesSlices } from './environment';
import { images, pushFixtures } from './fixtures';
import teardown from './global-teardown';
import { layoutIn, makeLayout } from './layout';
import { drawNames, freePort } from './machine';
import { Registry } from './registry';
import { World } from './world';

/** What the teardown has to end. */
export interface Started {
  readonly dir: string;
  readonly registry: Registry;
  readonly daemon: Daemon | undefined;
}

declare global {
  var berthE2e: Started | undefined;
}

/**
 * Starts the registry with the fixture images and, unless BERTH_E2E_SOCKET names a daemon that runs already, the daemon
 * under test. A daemon that runs already must map the hosts `*.e2e.test` to BERTH_E2E_REGISTRY.
 */
export default async function setup(): Promise<void> {
  // jest ends at once on a signal: what was started would be left.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void teardown().finally(() => process.exit(1)));
  }
  try {
    await start();
  } catch (error) {
    // The daemon's log goes with its folder: what it said last is all that will be known.
    const log = globalThis.berthE2e?.daemon && (await readFile(logOf(globalThis.berthE2e.daemon.layout), 'utf8'));
    await teardown().catch((cause: unknown) => {
      throw new AggregateError(
        [error, cause],
        `${messageOf(error)}\nand then: ${messageOf(cause)}\n${log?.slice(-4000)}`,
      );
    });
    throw new Error(`${messageOf(error)}\n${log?.slice(-4000)}`, { cause: error });
  }
}

async function start(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-e2e-'));
  await chmod(dir, 0o711);
  const given = process.env['BERTH_E2E_REGISTRY'];
  const port = given === undefined ? await freePort() : Number(given.split(':')[1]);
  const registry = await Registry.start(join(dir, 'registry'), port);
  globalThis.berthE2e = { dir, registry, daemon: undefined };
  await pushFixtures(registry);
  process.env['BERTH_E2E_REGISTRY'] = registry.address;
  process.env['BERTH_E2E_HOSTILE_PORT'] ??= String(await freePort());
  if (process.env['BERTH_E2E_SOCKET'] !== undefined) return;

  const hosts = { registry: registry.address, hostile: `127.0.0.1:${process.env['BERTH_E2E_HOSTILE_PORT']}` };
  const layout = layoutIn(join(dir, 'd'), await drawNames('e2e', usesSlices()));
  await makeLayout(layout);
  const daemon = await startDaemon(daemonKind(), { layout, hosts });
  globalThis.berthE2e = { dir, registry, daemon };
  await writeFile(join(layout.dir, 'daemon.json'), JSON.stringify(daemon));
  process.env['BERTH_E2E_SOCKET'] = layout.socket;
  process.env['BERTH_E2E_DIR'] = layout.dir;
  await warmUp(daemon);
}

/** One pod with a pause and one container, so that what a daemon opens on first use is there before the first comparison. */
async function warmUp({ layout }: Daemon): Promise<void> {
  const world = await World.open(layout.socket, layout.names.cgroupParent);
  try {
    for (const image of [images.pause, images.busybox]) await world.cri.pull(image);
    const namespaceOptions = { network: NamespaceMode.POD, pid: NamespaceMode.POD, ipc: NamespaceMode.POD };
    const pod = await world.runPod(world.podConfig({ linux: { securityContext: { namespaceOptions } } }));
    const container = await world.start({}, pod);
    await world.sh(container, 'true');
    const options = { network: NamespaceMode.NODE, pid: NamespaceMode.POD, ipc: NamespaceMode.POD };
    const sharing = { linux: { securityContext: { namespaceOptions: options } } };
    // berth makes the root of its pauses with the first pod that shares its PIDs.
    await world.runPod(world.podConfig(sharing));
  } finally {
    await world.clear();
    await world.close();
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
