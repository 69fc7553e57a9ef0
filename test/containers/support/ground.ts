import { execFile } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createLog, hashId, silentLog } from '../../../src/base';
import { loadConfig } from '../../../src/config';
import { openEngine, type Engine } from '../../../src/engine';
import { openState, type ContainerRecord, type State } from '../../../src/state';
import { archive, imageName, pluginScript, runtimeScript } from './programs';
import { ContainerConfig, NamespaceMode, PodSandboxConfig } from '../../../src/wire';

export const run = promisify(execFile);
const libexecDir = join(__dirname, '../../../conmon/build');

/** The shell of every container: one layer with nothing else in it. */
export const shell = (script: string): string[] => ['/bin/busybox', 'sh', '-c', script];
/** Runs until TERM comes, and then ends at once with 7. */
export const untilTerm = shell('trap "exit 7" TERM; /bin/busybox sleep 1000 & wait');
/** Runs until it is killed. */
export const deaf = shell('trap "" TERM; echo deaf; while :; do /bin/busybox sleep 1000; done');

type Partial1<T> = T extends { fromPartial(object: infer P): unknown } ? P : never;
export type PodPart = Partial1<typeof PodSandboxConfig>;
export type ContainerPart = Partial1<typeof ContainerConfig>;

/** One root and run-root with an engine on the real kernel. Disposal fails if anything of it is left on the machine. */
export class Ground {
  readonly root: string;
  readonly runRoot: string;
  readonly bin: string;
  readonly data: string;
  readonly bridge = `bt-${randomBytes(4).toString('hex')}`;
  private open: Engine | undefined;
  private count = 0;

  private constructor(readonly dir: string) {
    this.root = join(dir, 'root');
    this.runRoot = join(dir, 'run');
    this.bin = join(dir, 'bin');
    this.data = join(dir, 'ipam');
  }

  /** With the image loaded; with a pod network of bridge, host-local and whatever plugins follow, if asked. */
  static async create(options: { readonly plugins?: readonly string[] } = {}): Promise<Ground> {
    const ground = new Ground(await mkdtemp(join(tmpdir(), 'bg-')));
    for (const name of ['bin', 'ipam', 'cni']) await mkdir(join(ground.dir, name));
    await writeFile(join(ground.bin, 'runc'), runtimeScript(ground.dir), { mode: 0o755 });
    if (options.plugins) await ground.writeNetwork(options.plugins);
    await ground.start();
    await ground.engine.images.load(await archive(ground.dir));
    return ground;
  }

  get engine(): Engine {
    if (!this.open) throw new Error('the engine is closed');
    return this.open;
  }

  get cgroup(): string {
    return `/berth-${hashId(this.root, 8)}`;
  }

  /** Opens the engine and recovers, as a start of berthd does; `say` gets the lines of its log. */
  async start(say?: (line: string) => void): Promise<Engine> {
    const file = join(this.dir, 'berth.toml');
    const programs = [
      `[runtime]`,
      `criu = "${join(this.bin, 'criu')}"`,
      `restore_from = "images"`,
      `[runtime.handlers.runc]`,
    ];
    await writeFile(file, `${programs.join('\n')}\npath = "${join(this.bin, 'runc')}"\n`);
    const config = await loadConfig(file, {
      required: true,
      overrides: {
        root: this.root,
        runRoot: this.runRoot,
        cniConfDir: join(this.dir, 'cni'),
        cniBinDir: `${this.bin}:/usr/lib/cni`,
        registriesConf: join(this.dir, 'registries.conf'),
      },
    });
    const log = say ? createLog('info', { write: say }) : silentLog();
    this.open = await openEngine({ config, libexecDir, log });
    await this.open.recover();
    return this.open;
  }

  /** As if berthd were killed: monitors and containers live on. */
  async kill(): Promise<void> {
    await this.engine.close();
    this.open = undefined;
  }

  /** Changes records while no engine is open. */
  async editState(change: (state: State) => Promise<void>): Promise<void> {
    const state = await openState(this.root, silentLog());
    try {
      await change(state);
    } finally {
      await state.close();
    }
  }

  /** A pod's configuration, on the node's network unless told otherwise, with metadata of its own. */
  podConfig(part: PodPart = {}, network: NamespaceMode = NamespaceMode.NODE): PodSandboxConfig {
    const name = `pod-${this.count++}`;
    return PodSandboxConfig.fromPartial({
      metadata: { name, namespace: 'ground', uid: `${this.bridge}-${name}`, attempt: 0 },
      linux: { securityContext: { namespaceOptions: { network, pid: NamespaceMode.CONTAINER } } },
      ...part,
    });
  }

  containerConfig(command: readonly string[], part: ContainerPart = {}): ContainerConfig {
    return ContainerConfig.fromPartial({
      metadata: { name: `container-${this.count++}`, attempt: 0 },
      image: { image: imageName },
      command: [...command],
      ...part,
    });
  }

  pod(part?: PodPart, network?: NamespaceMode): Promise<string> {
    return this.engine.pods.run(this.podConfig(part, network), '');
  }

  async container(podId: string, command: readonly string[], part?: ContainerPart): Promise<string> {
    return this.engine.containers.create(podId, this.containerConfig(command, part), undefined);
  }

  async running(podId: string, command: readonly string[], part?: ContainerPart): Promise<string> {
    const id = await this.container(podId, command, part);
    await this.engine.containers.start(id);
    return id;
  }

  record(id: string): ContainerRecord {
    const record = this.engine.containers.get(id);
    if (!record) throw new Error(`container ${id} is not there`);
    return record;
  }

  /** The record once it has its end. */
  async ended(id: string): Promise<ContainerRecord> {
    await until('the container has ended', () => this.record(id).phase === 'exited');
    return this.record(id);
  }

  /** Holds every call of the OCI runtime with this verb until the function that it gives is called. */
  async hold(verb: string): Promise<{ entered: () => Promise<void>; release: () => Promise<void> }> {
    const file = join(this.dir, `hold-${verb}`);
    await writeFile(file, '');
    return {
      entered: () => until(`${verb} is held`, async () => (await readdir(this.dir)).includes(`held-${verb}`)),
      release: () => rm(file),
    };
  }

  /** The pid of the container's monitor. */
  async monitorPid(id: string): Promise<number> {
    const pid = (await this.processes()).find(({ line }) => line.includes('conmon') && line.includes(id))?.pid;
    if (pid === undefined) throw new Error(`no monitor of ${id} runs`);
    return pid;
  }

  async processes(): Promise<{ pid: number; line: string }[]> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const lines = await Promise.all(
      pids.map(async (pid) => ({
        pid: Number(pid),
        line: (await textOf(`/proc/${pid}/cmdline`)).replaceAll('\0', ' '),
      })),
    );
    return lines.filter(({ line }) => line.includes(this.dir));
  }

  /** What the pods' network has given and not got back. */
  async addresses(): Promise<string[]> {
    return (await namesIn(join(this.data, 'ground'))).filter((name) => /^[0-9.]+$/.test(name));
  }

  async mounts(): Promise<string[]> {
    const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
    const targets = lines.map((line) => line.split(' ')[4] ?? '');
    return targets.filter((target) => target.startsWith(this.dir) || target.includes(`${this.cgroup}-`));
  }

  async cgroups(): Promise<string[]> {
    const hierarchies = ['.', ...(await namesIn('/sys/fs/cgroup'))].map((name) => join('/sys/fs/cgroup', name));
    const found = await Promise.all(hierarchies.map(async (dir) => foldersBelow(join(dir, this.cgroup))));
    return found.flat();
  }

  /** Everything on the machine and in the folders that belongs to a pod or container. */
  async leftovers(): Promise<string[]> {
    const places = [
      'root/containers',
      'root/exits',
      'run/pods',
      'run/ns',
      'run/mounts',
      'run/mapped',
      'run/volumes',
      'run/monitors',
      'run/runtime/runc',
    ];
    const files = await Promise.all(
      places.map(async (place) => (await namesIn(join(this.dir, place))).map((name) => join(place, name))),
    );
    const own = /\/(helpers|monitors)$/;
    return [
      ...files.flat(),
      ...(await namesIn(join(this.runRoot, 's'))).filter((name) => !name.startsWith('bulk-')),
      ...(await this.mounts()),
      ...(await namesIn('/run/netns')).filter((name) => name.startsWith(`${this.cgroup.slice(1)}-`)),
      ...(await this.cgroups()).filter((path) => !own.test(path) && !path.endsWith(this.cgroup)),
      ...(await this.processes()).filter(({ line }) => !line.includes('/launcher')).map(({ line }) => line),
      ...(await this.addresses()),
      ...(await namesIn(join(this.runRoot, 'localnet'))),
      ...(await run('nft', ['list', 'tables'])).stdout
        .split('\n')
        .filter((line) => line.endsWith(this.cgroup.slice(1))),
    ];
  }

  /** Waits, for monitors take a moment to leave, until nothing is left; otherwise the comparison says what is. */
  async expectNothingLeft(): Promise<void> {
    const settled = until('nothing is left', async () => (await this.leftovers()).length === 0, 3_000);
    await settled.catch(() => undefined);
    expect(await this.leftovers()).toEqual([]);
  }

  /** Ends by force what names this folder, as a restart of the machine would; files stay. */
  async powerLoss(): Promise<void> {
    const cgroups = (await this.cgroups()).sort((a, b) => b.length - a.length);
    const inside = await Promise.all(cgroups.map((path) => textOf(join(path, 'cgroup.procs'))));
    const pids = new Set([
      ...(await this.processes()).map(({ pid }) => pid),
      ...inside.join('').split('\n').map(Number),
    ]);
    pids.delete(0);
    for (const pid of pids) killIfThere(pid);
    await until('all are dead', async () => (await Promise.all([...pids].map(isGone))).every(Boolean));
    for (const target of (await this.mounts()).reverse()) await run('umount', ['-l', target]);
    for (const name of await namesIn('/run/netns')) {
      if (name.startsWith(`${this.cgroup.slice(1)}-`)) await rm(join('/run/netns', name));
    }
    for (const path of cgroups) await rmdir(path);
    await rm(this.runRoot, { recursive: true, force: true });
  }

  async dispose(): Promise<void> {
    let left: string[] = [];
    try {
      // A test that failed may have left something held.
      for (const name of await namesIn(this.dir)) if (/^(hold|fail)-/.test(name)) await rm(join(this.dir, name));
      if (!this.open) await this.start();
      for (const { id } of this.engine.pods.list()) await this.engine.podLifecycle.remove(id);
      await this.engine.pods.retry();
      await until('nothing is left', async () => (await this.leftovers()).length === 0, 3_000).catch(() => undefined);
      left = await this.leftovers();
      await this.kill();
      left.push(...(await this.cgroups()), ...(await this.processes()).map(({ line }) => line));
    } finally {
      await this.powerLoss();
      await run('ip', ['link', 'del', this.bridge]).catch(() => undefined);
      await rm(this.dir, { recursive: true });
    }
    if (left.length > 0) throw new Error(`left behind:\n${left.join('\n')}`);
  }

  private async writeNetwork(plugins: readonly string[]): Promise<void> {
    const subnet = `10.${randomInt(100, 250)}.${randomInt(0, 256)}.0/24`;
    const ipam = { type: 'host-local', dataDir: this.data, ranges: [[{ subnet }]] };
    const list = {
      name: 'ground',
      cniVersion: '1.0.0',
      plugins: [{ type: 'bridge', bridge: this.bridge, ipam }, ...plugins.map((type) => ({ type }))],
    };
    await writeFile(join(this.dir, 'cni', '10-ground.conflist'), JSON.stringify(list));
    for (const type of plugins) await writeFile(join(this.bin, type), pluginScript(this.dir), { mode: 0o755 });
  }
}

/** Asks until it is so; rejects with what was waited for. */
export async function until(what: string, ask: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const late = Date.now() + ms;
  while (!(await ask())) {
    if (Date.now() > late) throw new Error(`waited ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function isGone(pid: number): Promise<boolean> {
  const stat = await textOf(`/proc/${pid}/stat`);
  return stat === '' || stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

async function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}

async function foldersBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (!entries) return [];
  const below = entries.filter((entry) => entry.isDirectory()).map((entry) => foldersBelow(join(path, entry.name)));
  return [path, ...(await Promise.all(below)).flat()];
}
