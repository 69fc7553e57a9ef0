import type { ProcessFigures } from '../../kernel';
import { figure, labelled, type Measured, type Metric, type Value, values } from './metric';

/** From the background's sample: one cannot count open files while somebody waits. */
const sampled =
  (read: (processes: ProcessFigures) => number | undefined) =>
  ({ processes }: Measured): readonly Value[] => {
    const count = processes && read(processes);
    return count === undefined ? [] : [{ value: BigInt(count), timestamp: processes?.timestamp ?? 0n }];
  };

export const processMetrics: readonly Metric[] = [
  labelled(
    'gauge',
    'container_processes',
    'Processes of the container',
    [],
    sampled(({ processes }) => processes),
  ),
  labelled(
    'gauge',
    'container_file_descriptors',
    'Files that the container’s processes have open',
    [],
    sampled(({ fileDescriptors }) => fileDescriptors),
  ),
  labelled(
    'gauge',
    'container_sockets',
    'Sockets that the container’s processes have open',
    [],
    sampled(({ sockets }) => sockets),
  ),
  figure(
    'gauge',
    'container_threads_max',
    'How many threads the container may have; 0: any number',
    ({ cgroup: { tasks } }) => tasks && (tasks.max ?? 0n),
  ),
  figure('gauge', 'container_threads', 'Threads of the container', ({ cgroup }) => cgroup.tasks?.current),
  labelled(
    'gauge',
    'container_ulimits_soft',
    'Soft limits of the container’s first process',
    ['ulimit'],
    ({ processes }) =>
      processes ? values(processes.openFilesLimit, { labels: ['max_open_files'], timestamp: processes.timestamp }) : [],
  ),
];
