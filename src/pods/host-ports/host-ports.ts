import { join } from 'node:path';
import { BerthError, KeyedLock, shortId, type Log } from '../../base';
import type { Kernel } from '../../kernel';
import { needProgram, systemPath } from '../../runtime';
import type { SandboxRecord, Table } from '../../state';
import { sharesHostNetwork } from '../files';
import { parseNetworkList, type NetworkList } from '../network/conf-list';
import { resultAddresses } from '../network/result';
import { createFirewall } from './firewall';
import { createLocalhost } from './localhost';
import { hostPortsOf, nameOf, overlap } from './mappings';
import type { Served } from './ruleset';

/** Host ports of pods: who has which, and serving those that no plugin of the pod's network serves. */
export interface HostPorts {
  /**
   * Writes a new pod's record, unless a pod on record has one of its host ports; the record then says whether they are
   * berth's to serve. Rejects `host-port-taken`, and `program-missing` without nft.
   */
  claim(record: SandboxRecord, list: NetworkList | undefined): Promise<SandboxRecord>;
  /** Serves the ports of a pod that has its addresses, if they are berth's to serve. */
  open(record: SandboxRecord): Promise<void>;
  /** They lead nowhere any more. Idempotent. */
  close(record: SandboxRecord): Promise<void>;
  /** Once at start: what the records say, whatever the firewall has. */
  restore(): Promise<void>;
}

export interface HostPortsParts {
  readonly kernel: Kernel;
  readonly table: Table<SandboxRecord>;
  readonly runRoot: string;
  readonly rootHash: string;
  readonly log: Log;
  /** Where nft and conntrack are looked for. */
  readonly searchPath?: string;
}

/** Keeps one nft table for this root, which is written whole with each change. */
export function createHostPorts(parts: HostPortsParts): HostPorts {
  const { kernel, table, runRoot, rootHash, log, searchPath = systemPath } = parts;
  const firewall = createFirewall({ kernel, table: `berth-${rootHash}`, searchPath, log });
  const localhost = createLocalhost(join(runRoot, 'localnet'));
  const claims = new KeyedLock('host ports');
  /** What the table is to have. */
  const served = new Map<string, Served>();
  for (const record of table.values()) {
    const runs = record.phase === 'ready' || record.phase === 'stopping';
    if (runs && record.bootId === kernel.facts.bootId && record.network?.result) serve(record);
  }

  function serve(record: SandboxRecord): Served | undefined {
    const { id, config, network, hostPorts } = record;
    if (!hostPorts || !network?.result) return undefined;
    const addresses = resultAddresses(network.result, network.name ?? '');
    const pod = { id, ports: hostPortsOf(config), addresses };
    served.set(id, pod);
    return pod;
  }

  const apply = () => firewall.apply(() => [...served.values()]);

  return {
    async claim(record, list) {
      const ports = list ? hostPortsOf(record.config) : [];
      if (list === undefined || ports.length === 0) {
        await table.put(record);
        return record;
      }
      return claims.with('', undefined, async () => {
        for (const port of ports) refuseTaken(port, record, table);
        const own = !servesHostPorts(list);
        if (own) await requireNft(record, list, searchPath);
        const claimed: SandboxRecord = own ? { ...record, hostPorts: { servedBy: 'nft' } } : record;
        await table.put(claimed);
        return claimed;
      });
    },

    async open(record) {
      const pod = serve(record);
      if (!pod) return;
      await localhost.open(pod);
      await apply();
      await firewall.forgetFlows(pod);
    },

    async close({ id, hostPorts }) {
      const pod = served.get(id);
      served.delete(id);
      if (!hostPorts) return;
      // Also where nothing of it is known to be there: an earlier try may have failed half-way.
      await apply();
      await localhost.closeAllBut([...served.values()]);
      if (pod) await firewall.forgetFlows(pod);
    },

    async restore() {
      if (![...table.values()].some(({ hostPorts }) => hostPorts)) return;
      for (const pod of served.values()) await localhost.open(pod);
      await apply();
      await localhost.closeAllBut([...served.values()]);
    },
  };
}

/** Whether a plugin of the list maps ports by itself (CNI conventions, portMappings). */
function servesHostPorts(list: NetworkList): boolean {
  return list.plugins.some(({ capabilities }) => capabilities?.['portMappings'] === true);
}

function refuseTaken(
  port: ReturnType<typeof hostPortsOf>[number],
  { config }: SandboxRecord,
  table: Table<SandboxRecord>,
): void {
  const holder = [...table.values()].find(
    (other) => holds(other) && hostPortsOf(other.config).some((each) => overlap(port, each)),
  );
  if (!holder) return;
  throw new BerthError('host-port-taken', {
    op: 'RunPodSandbox',
    object: podName(config),
    detail: `${nameOf(port)} is taken by ${podName(holder.config)} (${shortId(holder.id)}, ${holder.phase})`,
  });
}

/** Whether its ports lead to it, or may: until they are closed, or a plugin that serves them has had its DEL. */
function holds({ id, phase, config, network, hostPorts }: SandboxRecord): boolean {
  if (sharesHostNetwork(config)) return false;
  if (hostPorts || phase === 'creating' || phase === 'ready' || phase === 'stopping') return true;
  return (network?.attached ?? false) && servesHostPorts(parseNetworkList(network?.confList ?? '', `pod ${id}`));
}

/** nft, which serves what no plugin of the network does. Rejects `program-missing`. */
async function requireNft({ config }: SandboxRecord, { name }: NetworkList, searchPath: string): Promise<void> {
  await needProgram('nft', searchPath, {
    op: 'RunPodSandbox',
    object: podName(config),
    remedy: `it has host ports, and no plugin of network ${name} maps them: install nftables, or add portmap to the network`,
  });
}

function podName({ metadata }: SandboxRecord['config']): string {
  return `pod ${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}
