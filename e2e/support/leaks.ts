import { readdir, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Daemon } from './daemon';
import { berthName } from './layout';
import { run } from './machine';

/** What a daemon has on the machine: each thing by a name that a restart does not change, and how often. */
export type Snapshot = Readonly<Record<Kind, ReadonlyMap<string, number>>>;
type Kind = 'processes' | 'mounts' | 'namespaces' | 'cgroups' | 'veths' | 'addresses' | 'firewall' | 'fds' | 'paths';

/** What a machine without the daemon has of it. */
export const nothing: Snapshot = {
  processes: new Map(),
  mounts: new Map(),
  namespaces: new Map(),
  cgroups: new Map(),
  veths: new Map(),
  addresses: new Map(),
  firewall: new Map(),
  fds: new Map(),
  paths: new Map(),
};

/**
 * Looks at the machine from outside. Only what can be told to be this daemon's is taken, for others may work beside it: what
 * descends from it, names its folder, sits in its cgroup, is on its bridge or in its network's IPAM.
 */
export async function snapshot(daemon: Daemon, everything = false): Promise<Snapshot> {
  const { layout } = daemon;
  const processes = await ownedProcesses(daemon);
  const [mounts, namespaces, cgroups, veths, addresses, firewall, fds, paths] = await Promise.all([
    ownedMounts(layout.dir),
    namedNamespaces(daemon),
    cgroupsUnder(layout.names.cgroupParent, berthName(layout), `berth.slice/${berthName(layout)}.slice`),
    slavesOf(layout.names.bridge),
    filesUnder(join(layout.ipamDir, layout.names.network), (path) => /last_reserved_ip|lock$/.test(path)),
    firewallRules(layout.names.network, berthName(layout)),
    descriptors(daemon, processes),
    filesUnder(layout.dir, (path) => !everything && isImageData(path)),
  ]);
  return {
    processes: tally(processes.map((process) => process.commandLine)),
    mounts,
    namespaces,
    cgroups,
    veths,
    addresses,
    firewall,
    fds,
    paths,
  };
}

/** What is there now that was not there before, as lines to read. */
export function leaked(before: Snapshot, after: Snapshot): string[] {
  const kinds = Object.keys(after) as Kind[];
  return kinds.flatMap((kind) =>
    [...after[kind]].flatMap(([name, count]) => {
      const more = count - (before[kind].get(name) ?? 0);
      return more > 0 ? [`${kind}: ${name}${more > 1 ? ` (${more} times)` : ''}`] : [];
    }),
  );
}

/** A daemon that has ended keeps its folders and its own empty cgroups: all else must be gone with the last pod. */
export function isTrouble(leak: string): boolean {
  return !leak.startsWith('paths: ') && !/^cgroups: .*\/berth-[0-9a-f]{8}\/(helpers|monitors)$/.test(leak);
}

interface OwnedProcess {
  readonly pid: number;
  readonly parent: number;
  readonly commandLine: string;
  readonly cgroups: string;
}

async function ownedProcesses({ pid: daemon, layout }: Daemon): Promise<readonly OwnedProcess[]> {
  const all = (await Promise.all((await numericNames('/proc')).map(readProcess))).filter(
    (process) => process !== undefined,
  );
  const owned = new Set(
    all
      .filter(({ pid, commandLine, cgroups }) => {
        return pid === daemon || commandLine.includes(`${layout.dir}/`) || cgroups.includes(layout.names.cgroupParent);
      })
      .map(({ pid }) => pid),
  );
  for (let size = -1; size !== owned.size;) {
    size = owned.size;
    for (const { pid, parent } of all) if (owned.has(parent)) owned.add(pid);
  }
  return all.filter(({ pid }) => owned.has(pid));
}

async function readProcess(pid: number): Promise<OwnedProcess | undefined> {
  const [stat, commandLine, cgroups] = await Promise.all(
    ['stat', 'cmdline', 'cgroup'].map((name) => textOf(`/proc/${pid}/${name}`)),
  );
  if (stat === undefined || commandLine === undefined || cgroups === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Our own child that nobody has waited for yet: the daemon, which has ended.
  if (fields[0] === 'Z' && Number(fields[1]) === process.pid) return undefined;
  return {
    pid,
    parent: Number(fields[1]),
    commandLine: commandLine.replaceAll('\0', ' ').trim() || stat,
    cgroups,
  };
}

async function ownedMounts(dir: string): Promise<ReadonlyMap<string, number>> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return tally(lines.filter((line) => line.includes(dir)).map((line) => line.split(' ').slice(4).join(' ')));
}

/** berth names them after its root; containerd's are all alike. */
async function namedNamespaces({ kind, layout }: Daemon): Promise<ReadonlyMap<string, number>> {
  const prefix = kind === 'containerd' ? 'cni-' : `${berthName(layout)}-`;
  return tally((await entriesOf('/run/netns')).map(({ name }) => name).filter((name) => name.startsWith(prefix)));
}

async function cgroupsUnder(...parents: string[]): Promise<ReadonlyMap<string, number>> {
  const base = '/sys/fs/cgroup';
  const hierarchies = [
    base,
    ...(await entriesOf(base)).filter((entry) => entry.isDirectory()).map(({ name }) => join(base, name)),
  ];
  const found = await Promise.all(
    hierarchies.flatMap((hierarchy) => parents.map((parent) => foldersUnder(join(hierarchy, parent)))),
  );
  return tally(found.flat());
}

async function slavesOf(bridge: string): Promise<ReadonlyMap<string, number>> {
  const links = await run('ip', '-o', 'link', 'show');
  return tally(links.split('\n').filter((line) => line.includes(` master ${bridge} `)));
}

/** What names the network, and the tables of berth's own. */
async function firewallRules(network: string, table: string): Promise<ReadonlyMap<string, number>> {
  const rules = (await run('iptables-save')).split('\n').filter((rule) => rule.includes(`"${network}"`));
  const tables = (await run('nft', 'list', 'tables')).split('\n').filter((line) => line.endsWith(` ${table}`));
  return tally([...rules, ...tables]);
}

/** Open descriptors by what they lead to, or by kind. containerd keeps its connections to registries for 90 s. */
async function descriptors({ kind }: Daemon, processes: readonly OwnedProcess[]): Promise<ReadonlyMap<string, number>> {
  const perProcess = processes.map(async ({ pid, commandLine }) => {
    const dir = `/proc/${pid}/fd`;
    const links = (await entriesOf(dir)).map(({ name }) => readlink(join(dir, name)).catch(() => undefined));
    const targets = (await Promise.all(links)).filter((target) => target !== undefined);
    const named = targets.map(
      (target) => `${commandLine.slice(0, 60)}: ${target.replace(/^(socket|pipe):\[\d+\]$/, '$1')}`,
    );
    return kind === 'containerd' ? named.filter((name) => !name.endsWith(' socket')) : named;
  });
  return tally((await Promise.all(perProcess)).flat());
}

/** What images leave, and what grows by itself. */
const isImageData = (path: string): boolean =>
  /^(root\/(blobs|layers|meta)|root\/io\.containerd\.(content|snapshotter|metadata)|daemon\.log|logs)/.test(path);

async function filesUnder(dir: string, ignored: (path: string) => boolean): Promise<ReadonlyMap<string, number>> {
  const found: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await entriesOf(folder)) {
      const path = join(folder, entry.name);
      if (ignored(relative(dir, path))) continue;
      found.push(relative(dir, path));
      if (entry.isDirectory()) await walk(path);
    }
  };
  await walk(dir);
  return tally(found);
}

async function foldersUnder(dir: string): Promise<string[]> {
  const folders = (await entriesOf(dir)).filter((entry) => entry.isDirectory()).map(({ name }) => join(dir, name));
  return [...folders, ...(await Promise.all(folders.map(foldersUnder))).flat()];
}

async function numericNames(dir: string): Promise<number[]> {
  return (await entriesOf(dir)).map(({ name }) => Number(name)).filter(Number.isInteger);
}

/** A folder that is gone, or goes while it is read, is empty. */
async function entriesOf(dir: string) {
  return readdir(dir, { withFileTypes: true }).catch(() => []);
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

/** berthd draws the name of its socket for bulk data at each start. */
const lasting = (name: string): string => name.replace(/\bbulk-[0-9a-f]+/, 'bulk');

function tally(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names.map(lasting)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
