import { BlockList, isIP } from 'node:net';
import type { PodAddress } from '../network/result';
import { familiesOf, isWildcard, type HostPort } from './mappings';

/** A pod whose host ports are berth's own to serve. */
export interface Served {
  readonly id: string;
  readonly ports: readonly HostPort[];
  readonly addresses: readonly PodAddress[];
}

/**
 * Bit 13 marks, between two hooks of one packet, what is to leave under the host's address. It is the portmap plugin's for
 * the same purpose, so that nothing else on a node uses it.
 */
const masqueradeMark = '0x2000';

/**
 * The table, whole, as `nft -f` takes it in one transaction: what was there before is replaced, and without pods it is gone.
 * A packet to one of the host's own addresses is looked up by address, protocol and port, then by protocol and port. What
 * comes from the pod's own subnet, or from localhost, would be answered past the host or not at all: it is masqueraded.
 */
export function ruleset(table: string, pods: readonly Served[]): string {
  // `add` first: a table that is not there cannot be deleted.
  const cleared = `add table inet ${table}\ndelete table inet ${table}\n`;
  return pods.length === 0 ? cleared : `${cleared}table inet ${table} {\n${setsOf(pods)}\n${chains}\n}\n`;
}

const chains = `
  chain host-ports {
    # Nothing routes from ::1 to a pod: a client is to be refused at once.
    ip6 daddr ::1 return
    ip saddr . meta l4proto . th dport @near4 meta mark set meta mark or ${masqueradeMark}
    ip6 saddr . meta l4proto . th dport @near6 meta mark set meta mark or ${masqueradeMark}
    dnat ip to ip daddr . meta l4proto . th dport map @exact4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @exact6
    meta nfproto ipv4 dnat ip to meta l4proto . th dport map @any4
    meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @any6
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    fib daddr type local goto host-ports
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local goto host-ports
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    ct status dnat meta mark and ${masqueradeMark} == ${masqueradeMark} masquerade
  }
  # Where route_localnet lets the host's own packets from 127.0.0.1 out, it would let others' in.
  chain martians {
    type filter hook prerouting priority -300; policy accept;
    iifname != "lo" ip daddr 127.0.0.0/8 drop
  }`;

function setsOf(pods: readonly Served[]): string {
  return ([4, 6] as const)
    .flatMap((family) => {
      const { exact, any, near } = elementsOf(family, pods);
      const type = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
      const key = 'inet_proto . inet_service';
      const to = `${type} . inet_service`;
      return [
        `  map exact${family} { type ${type} . ${key} : ${to}; ${elements(exact)}}`,
        `  map any${family} { type ${key} : ${to}; ${elements(any)}}`,
        `  set near${family} { type ${type} . ${key}; flags interval; ${elements(near)}}`,
      ];
    })
    .join('\n');
}

interface Elements {
  readonly exact: readonly string[];
  readonly any: readonly string[];
  readonly near: readonly string[];
}

const localhost = { 4: [{ ip: '127.0.0.0', prefix: 8 }], 6: [] } as const;

/** Of each pod the first address of the family. Of equal keys the first counts: nft refuses a second. */
function elementsOf(family: 4 | 6, pods: readonly Served[]): Elements {
  const exact = new Map<string, string>();
  const any = new Map<string, string>();
  const near = new Map<string, PodAddress[]>();
  for (const { ports, addresses } of pods) {
    const address = addresses.find(({ ip }) => isIP(ip) === family);
    if (!address) continue;
    for (const port of ports.filter((each) => familiesOf(each).includes(family))) {
      const key = `${port.protocol} . ${port.hostPort}`;
      const [map, full] = isWildcard(port.hostIp) ? [any, key] : [exact, `${port.hostIp} . ${key}`];
      if (map.has(full)) continue;
      map.set(full, `${address.ip} . ${port.containerPort}`);
      near.set(key, [...(near.get(key) ?? localhost[family]), address]);
    }
  }
  const lines = (map: ReadonlyMap<string, string>) => [...map].map(([key, value]) => `${key} : ${value}`);
  const subnets = [...near].flatMap(([key, all]) =>
    apart(all, family).map(({ ip, prefix }) => `${ip}/${prefix} . ${key}`),
  );
  return { exact: lines(exact), any: lines(any), near: subnets };
}

/** The subnets without those that lie in another one of them: a set of intervals takes none that overlap. */
function apart(subnets: readonly PodAddress[], family: 4 | 6): readonly PodAddress[] {
  const kept: PodAddress[] = [];
  for (const subnet of [...subnets].sort((a, b) => a.prefix - b.prefix)) {
    const covered = kept.some(({ ip, prefix }) => {
      const list = new BlockList();
      list.addSubnet(ip, prefix, family === 4 ? 'ipv4' : 'ipv6');
      return list.check(subnet.ip, family === 4 ? 'ipv4' : 'ipv6');
    });
    if (!covered) kept.push(subnet);
  }
  return kept;
}

/** nft takes no empty list. */
function elements(all: readonly string[]): string {
  return all.length === 0 ? '' : `elements = { ${all.join(', ')} }; `;
}
