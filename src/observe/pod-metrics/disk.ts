import type { FileSystemFigures } from '../../kernel';
import { labelled, type Measured, type Metric, values } from './metric';

/** What the file system of the writable layers has, beside each container's: as cAdvisor tells it. */
const fileSystem =
  (read: (figures: FileSystemFigures) => bigint | undefined) =>
  ({ fileSystem: found, layer }: Measured) =>
    found && layer ? values(read(found), { labels: [found.device], timestamp: found.timestamp }) : [];

export const diskMetrics: readonly Metric[] = [
  labelled(
    'gauge',
    'container_fs_inodes_free',
    'Free inodes of the file system that holds the writable layer',
    ['device'],
    fileSystem(({ freeInodes }) => freeInodes),
  ),
  labelled(
    'gauge',
    'container_fs_inodes_total',
    'Inodes of the file system that holds the writable layer',
    ['device'],
    fileSystem(({ inodes }) => inodes),
  ),
  labelled(
    'gauge',
    'container_fs_limit_bytes',
    'Size of the file system that holds the writable layer, in bytes',
    ['device'],
    fileSystem(({ bytes }) => bytes),
  ),
  labelled(
    'gauge',
    'container_fs_usage_bytes',
    'What the writable layer holds, in bytes',
    ['device'],
    ({ fileSystem: found, layer }) =>
      found && layer ? values(layer.bytes, { labels: [found.device], timestamp: layer.timestamp }) : [],
  ),
];
