import { shortId } from '../../base';
import type { NetworkInterfaceUsage, PodSandboxStats } from '../../wire';
import type { Column } from '../output/table';
import { cores, size } from '../output/units';
import { bytes } from './container-rows';
import { type Rates, coresUsed } from './rates';

/** What a pod uses as a whole. What is not known is undefined. */
export interface PodUsageRow {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly containers: number;
  /** Cores, of late. */
  readonly cpu: number | undefined;
  /** Bytes of the working set. */
  readonly memory: bigint | undefined;
  /** Tasks of all its containers. */
  readonly tasks: bigint | undefined;
  /** Bytes a second of all its interfaces; of a pod on the node's network undefined. */
  readonly received: number | undefined;
  readonly sent: number | undefined;
}

/** What a pod's stats say of it. */
export function podRow({ attributes, linux }: PodSandboxStats, rates: Rates): PodUsageRow {
  const id = attributes?.id ?? '';
  const { cpu, memory, network, process } = linux ?? {};
  const interfaces = [...(network?.defaultInterface ? [network.defaultInterface] : []), ...(network?.interfaces ?? [])];
  const speed = (which: 'rxBytes' | 'txBytes') =>
    network && rates.of(`${id} ${which}`, network.timestamp, sum(interfaces, which));
  return {
    id,
    name: attributes?.metadata?.name ?? '',
    namespace: attributes?.metadata?.namespace ?? '',
    containers: linux?.containers.length ?? 0,
    cpu: coresUsed(rates, `${id} cpu`, cpu),
    memory: memory?.workingSetBytes?.value,
    tasks: process?.processCount?.value,
    received: speed('rxBytes'),
    sent: speed('txBytes'),
  };
}

function sum(interfaces: readonly NetworkInterfaceUsage[], which: 'rxBytes' | 'txBytes'): bigint {
  return interfaces.reduce((all, each) => all + (each[which]?.value ?? 0n), 0n);
}

export const podColumns: readonly Column<PodUsageRow>[] = [
  { title: 'POD', text: ({ id }) => shortId(id) },
  { title: 'NAME', text: ({ name }) => name },
  { title: 'NAMESPACE', text: ({ namespace }) => namespace },
  { title: 'CONTAINERS', text: ({ containers }) => String(containers), right: true },
  { title: 'CPU', text: ({ cpu }) => cores(cpu), right: true },
  { title: 'MEMORY', text: ({ memory }) => bytes(memory), right: true },
  { title: 'TASKS', text: ({ tasks }) => (tasks === undefined ? '-' : String(tasks)), right: true },
  { title: 'RX/S', text: ({ received }) => perSecond(received), right: true },
  { title: 'TX/S', text: ({ sent }) => perSecond(sent), right: true },
];

function perSecond(value: number | undefined): string {
  return value === undefined ? '-' : size(BigInt(Math.round(value)));
}

/** By what pods are sorted, the most first; what is not known comes last. */
export const podOrders = {
  cpu: ({ cpu }: PodUsageRow) => cpu,
  memory: ({ memory }: PodUsageRow) => memory && Number(memory),
  tasks: ({ tasks }: PodUsageRow) => tasks && Number(tasks),
  network: ({ received, sent }: PodUsageRow) => received !== undefined && sent !== undefined && received + sent,
} as const satisfies Record<string, (row: PodUsageRow) => number | bigint | undefined | false>;

export type PodOrder = keyof typeof podOrders;

export function isPodOrder(text: string): text is PodOrder {
  return Object.hasOwn(podOrders, text);
}

export function sorted(rows: readonly PodUsageRow[], by: PodOrder): readonly PodUsageRow[] {
  const worth = (row: PodUsageRow) => Number(podOrders[by](row) || -1);
  return [...rows].sort((a, b) => worth(b) - worth(a) || (a.name < b.name ? -1 : 1));
}
