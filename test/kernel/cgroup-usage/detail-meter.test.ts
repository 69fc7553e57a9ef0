import { cgroupDetailMeter } from '../../../src/kernel/cgroup-usage/detail-meter';
import type { CgroupPart } from '../../../src/kernel';
import { sizeOf } from '../../../src/kernel/cgroup-usage/hugetlb';
import { pressureFiles, v1Details, v2Details } from './detail-fixtures';
import { hierarchiesOf, type Files, type Layout } from './folders';

const everything = new Set<CgroupPart>(['cpu', 'memory', 'io', 'hugetlb', 'oom', 'tasks', 'pressure']);
const meterOf = (files: Files, layout: Layout) => cgroupDetailMeter(hierarchiesOf(files, layout), ['2MB', '1GB']);
const read = (files: Files, layout: Layout, parts: ReadonlySet<CgroupPart> = everything) =>
  meterOf(files, layout).read('/pod/c', parts);

const mib = 1024n * 1024n;
const cpu = {
  userNs: 9_010_000_000n,
  systemNs: 3_330_000_000n,
  periods: 90n,
  throttledPeriods: 8n,
  burstPeriods: 6n,
  burstNs: 5_000_000_000n,
};
const memory = {
  usage: 70n * mib,
  workingSet: 54n * mib,
  peak: 80n * mib,
  cache: 20n * mib,
  rss: 50n * mib,
  mappedFile: mib,
  kernel: 1_000_001n,
  swap: 4n * mib,
  activeFile: 4n * mib,
  inactiveFile: 16n * mib,
  dirty: 45_056n,
  writeback: 8192n,
  limitHits: 77n,
  fileRefaults: 42n,
  anonRefaults: 41n,
  all: { pageFaults: 2_427_099n, majorPageFaults: 12n },
};

test('every figure of v1', () => {
  expect(read(v1Details, 'v1')).toEqual({
    cpu: { ...cpu, usageNs: 12_345_678_901n, throttledNs: 4_000_000_007n },
    memory: { ...memory, own: { pageFaults: 2_427_072n, majorPageFaults: 3n } },
    io: [
      {
        major: 254,
        minor: 0,
        bytes: new Map(
          Object.entries({
            Read: 8192n,
            Write: mib,
            Sync: 1_052_672n,
            Async: 4096n,
            Discard: 0n,
            Total: 1_056_768n,
          }),
        ),
        operations: new Map(Object.entries({ Read: 2n, Write: 17n, Sync: 18n, Async: 1n, Discard: 0n, Total: 19n })),
      },
    ],
    hugetlb: [
      { size: '2MB', usage: 4n * mib, peak: 6n * mib, limitHits: 2n },
      { size: '1GB', usage: 0n, peak: 1024n * mib, limitHits: 0n },
    ],
    oomKills: 4n,
    tasks: { current: 7n, max: 100n },
  });
});

test('every figure of v2', () => {
  const zeros = { Write: 0n, Discard: 0n };
  expect(read(v2Details, 'v2')).toEqual({
    cpu: { ...cpu, usageNs: 12_345_678_000n, throttledNs: 4_000_000_000n },
    memory: { ...memory, highHits: 9n, pagesScanned: 51n, pagesStolen: 50n },
    // A device that nothing went to or from has no figures.
    io: [
      {
        major: 254,
        minor: 0,
        bytes: new Map(Object.entries({ Read: 8192n, Write: mib, Discard: 4096n })),
        operations: new Map(Object.entries({ Read: 2n, Write: 17n, Discard: 1n })),
      },
      {
        major: 259,
        minor: 1,
        bytes: new Map(Object.entries({ Read: 1n, ...zeros })),
        operations: new Map(Object.entries({ Read: 1n, ...zeros })),
      },
    ],
    hugetlb: [{ size: '2MB', usage: 4n * mib, limitHits: 2n }],
    oomKills: 4n,
    tasks: { current: 7n },
    pressure: expect.objectContaining({
      cpu: expect.objectContaining({ some: expect.anything() as unknown }) as unknown,
    }) as unknown,
  });
});

test('a hybrid is v1 with the pressure of v2', () => {
  const { pressure, ...rest } = read(
    { ...v1Details, ...pressureFiles, 'unified/pod/c/cpu.stat': 'usage_usec 9\n' },
    'hybrid',
  );
  expect(rest).toEqual(read(v1Details, 'v1'));
  expect(pressure?.io?.full?.totalUs).toBe(8_000_000n);
});

test.each(['v1', 'hybrid', 'v2'] as const)('of a cgroup that is not there nothing is known on %s', (layout) => {
  const meter = meterOf({}, layout);
  expect(Object.values(meter.read('/pod/gone', everything)).filter((part) => part !== undefined)).toEqual([]);
});

test.each([
  ['v1', v1Details],
  ['v2', v2Details],
] as const)('only what is asked for is read on %s', (layout, files) => {
  expect(read(files, layout, new Set(['tasks']))).toEqual({ tasks: expect.anything() as unknown });
  expect(read(files, layout, new Set())).toEqual({});
});

test('kernels that count less have less', () => {
  const { 'unified/pod/c/memory.peak': _peak, 'unified/pod/c/memory.swap.current': _swap, ...v2 } = v2Details;
  expect(read(v2, 'v2').memory).toEqual({ ...read(v2Details, 'v2').memory, peak: undefined, swap: undefined });
  const bare = { ...v2Details, 'unified/pod/c/cpu.stat': 'usage_usec 1\nuser_usec 1\nsystem_usec 0\n' };
  expect(read(bare, 'v2').cpu).toEqual({ usageNs: 1000n, userNs: 1000n, systemNs: 0n });
  const old = { ...v1Details, 'memory/pod/c/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\n' };
  expect(read(old, 'v1').oomKills).toBeUndefined();
});

test('a v1 kernel without recursive files tells of the cgroup itself', () => {
  const {
    'blkio/pod/c/blkio.throttle.io_service_bytes_recursive': bytes,
    'blkio/pod/c/blkio.throttle.io_serviced_recursive': operations,
    ...rest
  } = v1Details;
  const old = {
    ...rest,
    'blkio/pod/c/blkio.throttle.io_service_bytes': bytes,
    'blkio/pod/c/blkio.throttle.io_serviced': operations,
  };
  expect(read(old, 'v1').io).toEqual(read(v1Details, 'v1').io);
});

test('who is killed for want of memory is told of a whole tree by v2 only', () => {
  expect(meterOf(v1Details, 'v1').oomKillsAreOfTheTree).toBe(false);
  expect(meterOf(v2Details, 'v2').oomKillsAreOfTheTree).toBe(true);
});

test('a file that is longer than any is read as far as its last whole line', () => {
  const line = (minor: number) => `254:${minor} rbytes=8192 wbytes=1048576 rios=2 wios=17 dbytes=4096 dios=1\n`;
  const text = Array.from({ length: 2000 }, (_, minor) => line(minor)).join('');
  const io = read({ ...v2Details, 'unified/pod/c/io.stat': text }, 'v2').io ?? [];
  expect(io.length).toBeGreaterThan(500);
  expect(io.length).toBeLessThan(2000);
  expect(io.map(({ minor }) => minor)).toEqual(io.map((_, index) => index));
  expect(io.at(-1)?.operations).toEqual(io[0]?.operations);
});

test.each([
  ['hugepages-2048kB', '2MB'],
  ['hugepages-1048576kB', '1GB'],
  ['hugepages-64kB', '64KB'],
  ['somethingelse', undefined],
])('huge pages of %s are %s in names of files', (name, size) => {
  expect(sizeOf(name)).toBe(size);
});
