import type { CgroupDetails, FileSystemFigures, InterfaceCounters, ProcessFigures } from '../../kernel';
import type { FsSample } from '../fs-usage';

/** A time series of a metric: the values of its own labels, in the metric's order, and the figure. */
export interface Value {
  readonly labels?: readonly string[];
  readonly value: bigint;
  /** Nanoseconds since the epoch at which a sample was made; absent: just now. */
  readonly timestamp?: bigint;
}

/** A limit is 0 where there is none: cAdvisor's convention. */
export interface Spec {
  /** Microseconds. */
  readonly cpuPeriod: bigint;
  /** Microseconds in each period; undefined without a quota. */
  readonly cpuQuota?: bigint | undefined;
  readonly cpuShares: bigint;
  readonly memoryLimit: bigint;
  /** Memory and swap together. */
  readonly swapLimit: bigint;
  readonly memoryReservation?: bigint | undefined;
}

/** What was sampled in the background, and when: nanoseconds since the epoch. */
export type Sampled<Figures> = Figures & { readonly timestamp: bigint };

/** All that is known of a container, or of a pod as a whole, at one moment; what is not known is undefined. */
export interface Measured {
  /** Nanoseconds since the epoch. */
  readonly now: bigint;
  readonly createdAt: bigint;
  readonly startedAt?: bigint | undefined;
  readonly cgroup: CgroupDetails;
  /** The quota's counters mean something. */
  readonly hasQuota: boolean;
  readonly spec?: Spec | undefined;
  readonly layer?: FsSample | undefined;
  readonly fileSystem?: Sampled<FileSystemFigures> | undefined;
  readonly processes?: Sampled<ProcessFigures> | undefined;
  readonly network?: Sampled<{ readonly interfaces: readonly InterfaceCounters[] }> | undefined;
  /** The file of a block device, or its numbers where it has none. */
  readonly deviceName: (major: number, minor: number) => string;
}

/** A metric by cAdvisor's name, with cAdvisor's labels beside those that every metric has. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Its own labels. */
  readonly labels: readonly string[];
  readonly read: (of: Measured) => readonly Value[];
}

/** A metric of one figure; undefined is not known, and not shown. */
export function figure(
  type: Metric['type'],
  name: string,
  help: string,
  read: (of: Measured) => bigint | undefined,
): Metric {
  return { name, help, type, labels: [], read: (of) => values(read(of)) };
}

/** A metric of a figure for each value of its labels. */
export function labelled(
  type: Metric['type'],
  name: string,
  help: string,
  labels: readonly string[],
  read: (of: Measured) => readonly Value[],
): Metric {
  return { name, help, type, labels, read };
}

/** The value of a figure that may not be known. */
export function values(value: bigint | undefined, more: Omit<Value, 'value'> = {}): readonly Value[] {
  return value === undefined ? [] : [{ value, ...more }];
}

/** Whole seconds of nanoseconds: CRI's values have no fractions. */
export function seconds(ns: bigint | undefined): bigint | undefined {
  return ns === undefined ? undefined : ns / 1_000_000_000n;
}
