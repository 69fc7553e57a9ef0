import { silentLog } from '../../../src/base';
import type { CgroupDetails, CgroupPart, ProcessFigures } from '../../../src/kernel';
import type { MetricFamily } from '../../../src/observe/pod-metrics/families';
import { ContainerConfig } from '../../../src/wire';
import { containerRecord, id, podRecord } from '../../cri/support/records';
import { createPodMetrics, type PodMetricsParts } from '../../../src/observe/pod-metrics/pod-metrics';

const line = (totalUs: bigint) => ({ avg10: 0, avg60: 0, avg300: 0, totalUs });
const faults = (pageFaults: bigint, majorPageFaults: bigint) => ({ pageFaults, majorPageFaults });

/** Everything that a machine can tell of a cgroup, each figure another. */
export const details: CgroupDetails = {
  cpu: {
    usageNs: 12_900_000_000n,
    userNs: 9_010_000_000n,
    systemNs: 3_330_000_000n,
    periods: 90n,
    throttledPeriods: 8n,
    throttledNs: 4_000_000_007n,
    burstPeriods: 6n,
    burstNs: 5_000_000_000n,
  },
  memory: {
    usage: 100n,
    workingSet: 101n,
    peak: 102n,
    cache: 103n,
    rss: 104n,
    mappedFile: 105n,
    kernel: 106n,
    swap: 107n,
    activeFile: 108n,
    inactiveFile: 109n,
    dirty: 110n,
    writeback: 111n,
    limitHits: 112n,
    highHits: 113n,
    own: faults(114n, 115n),
    all: faults(116n, 117n),
    pagesScanned: 118n,
    pagesStolen: 119n,
    fileRefaults: 120n,
    anonRefaults: 121n,
  },
  io: [
    {
      major: 254,
      minor: 0,
      bytes: new Map([
        ['Read', 1n],
        ['Write', 2n],
      ]),
      operations: new Map([
        ['Read', 3n],
        ['Write', 4n],
      ]),
    },
    { major: 0, minor: 9, bytes: new Map([['Read', 5n]]), operations: new Map() },
  ],
  hugetlb: [
    { size: '2MB', usage: 6n, peak: 7n, limitHits: 8n },
    { size: '1GB', usage: 9n },
  ],
  oomKills: 10n,
  tasks: { current: 11n, max: 12n },
  pressure: {
    cpu: { some: line(13_999_999n), full: line(14_000_000n) },
    memory: { some: line(15_000_000n), full: line(16_000_000n) },
    io: { some: line(17_000_000n), full: line(18_000_000n) },
  },
};

export const processes: ProcessFigures = { processes: 3, fileDescriptors: 20, sockets: 4, openFilesLimit: 1024n };

export const pod = podRecord({ id: id('a1'), cgroupParent: '/kubepods/pod1', createdAt: 1_700_000_000_900_000_000n });
export const container = containerRecord({
  id: id('c1'),
  sandboxId: pod.id,
  cgroupPath: '/kubepods/pod1/c1',
  createdAt: 1_700_000_000_900_000_000n,
  startedAt: 1_700_000_001_900_000_000n,
  config: ContainerConfig.fromPartial({
    metadata: { name: 'nginx' },
    image: { image: 'sha256:1', userSpecifiedImage: 'example.org/nginx:1' },
    linux: {
      resources: {
        cpuPeriod: 50_000n,
        cpuQuota: 25_000n,
        cpuShares: 512n,
        memoryLimitInBytes: 1000n,
        memorySwapLimitInBytes: 1500n,
        unified: { 'memory.min': '300' },
      },
    },
  }),
});

const counters = {
  rxBytes: 1n,
  rxPackets: 2n,
  rxErrors: 3n,
  rxDrops: 4n,
  txBytes: 5n,
  txPackets: 6n,
  txErrors: 7n,
  txDrops: 8n,
};

export const allFamilies: readonly MetricFamily[] = [
  'cpu',
  'memory',
  'disk',
  'diskIO',
  'hugetlb',
  'network',
  'oom',
  'process',
  'spec',
  'pressure',
];

/** Metrics of a machine that tells everything, and what it was asked. */
export function metricsOf(families: readonly MetricFamily[] = allFamilies, over: Partial<PodMetricsParts> = {}) {
  const read: { readonly path: string; readonly parts: readonly CgroupPart[] }[] = [];
  const asked: string[] = [];
  const noting = <T>(what: string, answer: T): T => {
    asked.push(what);
    return answer;
  };
  const closing = new AbortController();
  const metrics = createPodMetrics({
    meter: {
      oomKillsAreOfTheTree: true,
      read(path, parts) {
        read.push({ path, parts: [...parts] });
        return details;
      },
    },
    processes: { count: async () => noting('processes', processes) },
    fileSystem: async () => noting('file system', { device: '/dev/vda', bytes: 1000n, inodes: 50n, freeInodes: 20n }),
    deviceFile: (major, minor) => noting(`device ${major}:${minor}`, major === 254 ? '/dev/vda' : undefined),
    stats: {
      network: () =>
        noting('network', {
          timestamp: 77n,
          interfaces: [
            { name: 'eth0', ...counters },
            { name: 'net1', ...counters },
          ],
        }),
    },
    fsUsage: { writableLayer: () => noting('layer', { timestamp: 66n, bytes: 400n, inodes: 5n }) },
    containers: { list: () => [container] },
    families: () => families,
    log: silentLog(),
    closing: closing.signal,
    ...over,
  });
  return { metrics, read, asked, closing };
}

/** Lets the background's samples be taken. */
export const settled = () => new Promise((resolve) => setTimeout(resolve, 20));
