import type { CgroupDetails } from '../../kernel';
import { figure, type Measured } from './metric';

type Pressure = NonNullable<CgroupDetails['pressure']>;

/** Whole seconds, as CRI's values have no fractions. */
const stalled =
  (resource: keyof Pressure, kind: 'some' | 'full') =>
  ({ cgroup }: Measured) => {
    const line = cgroup.pressure?.[resource]?.[kind];
    return line && line.totalUs / 1_000_000n;
  };

const resources = [
  ['cpu', 'CPU'],
  ['memory', 'memory'],
  ['io', 'I/O'],
] as const;

/** Waiting: some task could not go on; stalled: none could (PSI's `some` and `full`). */
export const pressureMetrics = resources.flatMap(([resource, what]) => [
  figure(
    'counter',
    `container_pressure_${resource}_stalled_seconds_total`,
    `How long no task of the container could go on for want of ${what}, in seconds`,
    stalled(resource, 'full'),
  ),
  figure(
    'counter',
    `container_pressure_${resource}_waiting_seconds_total`,
    `How long some task of the container waited for ${what}, in seconds`,
    stalled(resource, 'some'),
  ),
]);
