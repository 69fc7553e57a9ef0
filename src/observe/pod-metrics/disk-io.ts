import type { DeviceIo } from '../../kernel';
import { labelled, type Measured, type Metric, type Value, values } from './metric';

const ofDevices =
  (read: (device: DeviceIo) => bigint | undefined) =>
  ({ cgroup, deviceName }: Measured): readonly Value[] =>
    (cgroup.io ?? []).flatMap((device) => values(read(device), { labels: [deviceName(device.major, device.minor)] }));

const perDevice = (name: string, help: string, read: (device: DeviceIo) => bigint | undefined) =>
  labelled('counter', `container_fs_${name}`, help, ['device'], ofDevices(read));

export const diskIoMetrics: readonly Metric[] = [
  perDevice('reads_bytes_total', 'Bytes read from the device', ({ bytes }) => bytes.get('Read')),
  perDevice('reads_total', 'Reads from the device', ({ operations }) => operations.get('Read')),
  perDevice('writes_bytes_total', 'Bytes written to the device', ({ bytes }) => bytes.get('Write')),
  perDevice('writes_total', 'Writes to the device', ({ operations }) => operations.get('Write')),
  labelled(
    'counter',
    'container_blkio_device_usage_total',
    'Bytes that went to and from the device, by kind of operation',
    ['device', 'major', 'minor', 'operation'],
    ({ cgroup, deviceName }) =>
      (cgroup.io ?? []).flatMap(({ major, minor, bytes }) =>
        [...bytes].map(([operation, value]) => ({
          value,
          labels: [deviceName(major, minor), String(major), String(minor), operation],
        })),
      ),
  ),
];
