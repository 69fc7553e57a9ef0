import type { ContainerStats } from '../../wire';
import type { Column } from '../output/table';
import { shortId } from '../../base';
import { cores, size } from '../output/units';
import { type Rates, coresUsed } from './rates';

/** What a container uses. What is not known is undefined. */
export interface ContainerUsageRow {
  readonly id: string;
  readonly name: string;
  readonly pod: string;
  /** Cores, of late. */
  readonly cpu: number | undefined;
  /** Bytes of the working set. */
  readonly memory: bigint | undefined;
  readonly memoryLimit: bigint | undefined;
  readonly swap: bigint | undefined;
  /** Bytes of the writable layer. */
  readonly written: bigint | undefined;
}

/** What a container's stats say of it. */
export function containerRow(stats: ContainerStats, pod: string, rates: Rates): ContainerUsageRow {
  const { attributes, cpu, memory, swap, writableLayer } = stats;
  const id = attributes?.id ?? '';
  const working = memory?.workingSetBytes?.value;
  const available = memory?.availableBytes?.value;
  return {
    id,
    name: attributes?.metadata?.name ?? '',
    pod,
    cpu: coresUsed(rates, id, cpu),
    memory: working,
    memoryLimit: working !== undefined && available !== undefined ? working + available : undefined,
    swap: swap?.swapUsageBytes?.value,
    written: writableLayer?.usedBytes?.value,
  };
}

export const containerColumns: readonly Column<ContainerUsageRow>[] = [
  { title: 'CONTAINER', text: ({ id }) => shortId(id) },
  { title: 'NAME', text: ({ name }) => name },
  { title: 'POD', text: ({ pod }) => pod },
  { title: 'CPU', text: ({ cpu }) => cores(cpu), right: true },
  { title: 'MEMORY', text: ({ memory }) => bytes(memory), right: true },
  { title: 'LIMIT', text: ({ memoryLimit }) => bytes(memoryLimit), right: true },
  { title: 'SWAP', text: ({ swap }) => bytes(swap), right: true },
  { title: 'WRITTEN', text: ({ written }) => bytes(written), right: true },
];

/** `-` for what is not known, or is not limited. */
export function bytes(value: bigint | undefined): string {
  return value === undefined ? '-' : size(value);
}
