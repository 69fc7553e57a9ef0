import type { InterfaceCounters } from '../../kernel';
import { labelled, type Metric, values } from './metric';

const perInterface = (name: string, help: string, read: (counters: InterfaceCounters) => bigint) =>
  labelled('counter', `container_network_${name}_total`, help, ['interface'], ({ network }) =>
    (network?.interfaces ?? []).flatMap((counters) =>
      values(read(counters), { labels: [counters.name], timestamp: network?.timestamp ?? 0n }),
    ),
  );

/** Of pods: their containers share it. */
export const networkMetrics: readonly Metric[] = [
  perInterface('receive_bytes', 'Bytes received', ({ rxBytes }) => rxBytes),
  perInterface('receive_packets', 'Packets received', ({ rxPackets }) => rxPackets),
  perInterface('receive_packets_dropped', 'Packets dropped while receiving', ({ rxDrops }) => rxDrops),
  perInterface('receive_errors', 'Errors while receiving', ({ rxErrors }) => rxErrors),
  perInterface('transmit_bytes', 'Bytes sent', ({ txBytes }) => txBytes),
  perInterface('transmit_packets', 'Packets sent', ({ txPackets }) => txPackets),
  perInterface('transmit_packets_dropped', 'Packets dropped while sending', ({ txDrops }) => txDrops),
  perInterface('transmit_errors', 'Errors while sending', ({ txErrors }) => txErrors),
];
