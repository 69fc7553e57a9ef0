import { createHash } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunNames } from './machine';

/** The folders of one daemon, all below one of its own, and what its network and registries are. */
export interface Layout {
  readonly dir: string;
  readonly root: string;
  readonly runRoot: string;
  readonly socket: string;
  readonly cniConfDir: string;
  /** Plugins of a test's own: looked for before those of the machine. Not made. */
  readonly pluginDir: string;
  readonly ipamDir: string;
  readonly logDir: string;
  readonly names: RunNames;
}

/** Where the host names of the fixtures lead: `127.0.0.1:<port>` each. */
export interface Hosts {
  readonly registry: string;
  readonly hostile: string;
}

export function layoutIn(dir: string, names: RunNames): Layout {
  return {
    dir,
    root: join(dir, 'root'),
    runRoot: join(dir, 'run'),
    socket: join(dir, 'd.sock'),
    cniConfDir: join(dir, 'net.d'),
    pluginDir: join(dir, 'plugins'),
    ipamDir: join(dir, 'ipam'),
    logDir: join(dir, 'logs'),
    names,
  };
}

/** What a berthd calls its network namespaces and its own cgroup, so that several live on one machine. */
export function berthName({ root }: Layout): string {
  return `berth-${createHash('sha256').update(root).digest('hex').slice(0, 8)}`;
}

/** Makes the folders and, unless `network` is false, a bridge network with port mappings. */
export async function makeLayout(layout: Layout, network = true): Promise<void> {
  for (const dir of [layout.root, layout.runRoot, layout.cniConfDir, layout.ipamDir, layout.logDir]) {
    await mkdir(dir, { recursive: true });
  }
  // Roots of user namespaces have to pass, as through /run.
  for (const dir of [layout.dir, layout.runRoot]) await chmod(dir, 0o711);
  if (network) await writeFile(join(layout.cniConfDir, '10-e2e.conflist'), JSON.stringify(conflist(layout), null, 2));
}

/** The CNI network of a run; the bench measures the plugins with the same. */
export function conflist(layout: NetworkLayout): object {
  return bridgeList('0.4.0', layout, [layout.names.subnet], portmap);
}

/** Maps host ports by iptables. */
export const portmap = { type: 'portmap', capabilities: { portMappings: true }, snat: true };

export type NetworkLayout = Pick<Layout, 'names' | 'ipamDir'>;

/** A list of a bridge with addresses of these subnets, and what follows it. */
export function bridgeList(
  cniVersion: string,
  { names, ipamDir }: NetworkLayout,
  subnets: readonly string[],
  ...more: readonly object[]
): object {
  const bridge = {
    type: 'bridge',
    bridge: names.bridge,
    isGateway: true,
    ipMasq: true,
    // With br_netfilter a pod that asks for itself is answered through the port of the bridge that it came by.
    hairpinMode: true,
    ipam: {
      type: 'host-local',
      dataDir: ipamDir,
      ranges: subnets.map((subnet) => [{ subnet }]),
      routes: subnets.map((subnet) => ({ dst: subnet.includes(':') ? '::/0' : '0.0.0.0/0' })),
    },
  };
  return { cniVersion, name: names.network, plugins: [bridge, ...more] };
}

/** registries.conf v2. `mirrored` has a dead first mirror and a dead home; `unreachable` has a dead home alone. */
export function registriesConf({ registry, hostile }: Hosts): string {
  const entry = (prefix: string, location: string, ...mirrors: string[]) =>
    [
      '[[registry]]',
      `prefix = "${prefix}"`,
      `location = "${location}"`,
      'insecure = true',
      ...mirrors.flatMap((mirror) => ['[[registry.mirror]]', `location = "${mirror}"`, 'insecure = true']),
      '',
    ].join('\n');
  return [
    entry('docker.io', registry),
    entry('registry.e2e.test', registry),
    entry('mirrored.e2e.test', deadAddress, deadAddress, registry),
    entry('hostile.e2e.test', hostile),
    entry('unreachable.e2e.test', deadAddress),
  ].join('\n');
}

/** The same for containerd: certs.d/<host>/hosts.toml. */
export async function writeCertsD(dir: string, { registry, hostile }: Hosts): Promise<void> {
  const hosts: Record<string, readonly string[]> = {
    'docker.io': [registry],
    'registry.e2e.test': [registry],
    'mirrored.e2e.test': [deadAddress, registry],
    'hostile.e2e.test': [hostile],
    'unreachable.e2e.test': [deadAddress],
  };
  for (const [host, addresses] of Object.entries(hosts)) {
    await mkdir(join(dir, host), { recursive: true });
    const tables = addresses.map((address) => `[host."http://${address}"]\n  capabilities = ["pull", "resolve"]\n`);
    await writeFile(join(dir, host, 'hosts.toml'), [`server = "http://${addresses[0]}"`, ...tables].join('\n'));
  }
}

/** Nothing listens on the discard port of loopback: a connection is refused at once. */
const deadAddress = '127.0.0.1:9';
