import { cgroupMeter } from '../../../src/kernel/cgroup-usage/meter';
import type { CgroupMeter } from '../../../src/kernel';
import { hybridFiles, v1Files, v2Files } from './fixtures';
import { hierarchiesOf, type Files, type Layout } from './folders';

/** A meter on a folder with these files. */
function meterOf(files: Files, layout: Layout): CgroupMeter {
  return cgroupMeter(hierarchiesOf(files, layout));
}

const mib = 1024n * 1024n;
const counted = {
  cpuNs: 1_500_000_000n,
  memory: {
    usage: 70n * mib,
    workingSet: 54n * mib,
    limit: 128n * mib,
    rss: 50n * mib,
    pageFaults: 7001n,
    majorPageFaults: 12n,
  },
  swap: { usage: 4n * mib, limit: 64n * mib },
};
const none = { avg10: 0, avg60: 0, avg300: 0 };
const stalled = {
  cpu: {
    some: { avg10: 12.5, avg60: 3, avg300: 0.71, totalUs: 1_234_567n },
    full: { ...none, totalUs: 77n },
  },
  memory: { some: { ...none, avg10: 1, totalUs: 5n }, full: { ...none, avg10: 0.5, totalUs: 4n } },
  io: { some: { ...none, avg10: 2, totalUs: 9n }, full: { ...none, totalUs: 8n } },
};

test.each([
  ['v1', v1Files, counted],
  ['hybrid', hybridFiles, { ...counted, pressure: stalled }],
  ['v2', v2Files, { ...counted, pressure: stalled }],
] as const)('the same load is the same figures on %s', (layout, files, expected) => {
  const meter = meterOf(files, layout);
  const { timestamp, ...usage } = meter.read('/pod/c') ?? {};
  expect(usage).toEqual(expected);
  expect(timestamp).toBeGreaterThan(0n);
  expect(meter.cpuNs('/pod/c')).toBe(1_500_000_000n);
  expect(meter.tasks('/pod/c')).toBe(7n);
});

test.each(['v1', 'hybrid', 'v2'] as const)('a cgroup that is not there has no usage on %s', (layout) => {
  const meter = meterOf({}, layout);
  expect(meter.read('/pod/gone')).toBeUndefined();
  expect(meter.cpuNs('/pod/gone')).toBeUndefined();
  expect(meter.tasks('/pod/gone')).toBeUndefined();
});

test.each([
  ['v1', { ...v1Files, 'memory/pod/c/memory.limit_in_bytes': '9223372036854771712\n' }],
  ['v1', withStat('hierarchical_memory_limit 134217728', 'hierarchical_memory_limit 9223372036854771712')],
  ['v2', { ...v2Files, 'unified/pod/c/memory.max': 'max\n' }],
] as const)('no limit is none on %s', (layout, files) => {
  expect(meterOf(files, layout).read('/pod/c')?.memory).not.toHaveProperty('limit');
});

test.each([
  ['v1', withStat('hierarchical_memsw_limit 201326592', 'hierarchical_memsw_limit 9223372036854771712')],
  ['v2', { ...v2Files, 'unified/pod/c/memory.swap.max': 'max\n' }],
] as const)('swap without a limit has no limit on %s', (layout, files) => {
  expect(meterOf(files, layout).read('/pod/c')?.swap).toEqual({ usage: 4n * mib });
});

test('a v1 kernel that counts no swap, a v2 that has none', () => {
  const v1 = withStat('total_swap 4194304\n', '');
  expect(meterOf(v1, 'v1').read('/pod/c')).not.toHaveProperty('swap');
  const { 'unified/pod/c/memory.swap.current': _, ...v2 } = v2Files;
  expect(meterOf(v2, 'v2').read('/pod/c')).not.toHaveProperty('swap');
});

test('more inactive file pages than pages, read a moment later, are a working set of 0', () => {
  const files = { ...v1Files, 'memory/pod/c/memory.usage_in_bytes': '4096\n' };
  expect(meterOf(files, 'v1').read('/pod/c')?.memory?.workingSet).toBe(0n);
});

test('a v2 cgroup whose memory is not counted still has its CPU time', () => {
  const meter = meterOf({ 'unified/pod/c/cpu.stat': 'usage_usec 3\n' }, 'v2');
  expect(meter.read('/pod/c')).toEqual({ timestamp: expect.any(BigInt) as bigint, cpuNs: 3000n });
});

function withStat(from: string, to: string): Files {
  const text = v1Files['memory/pod/c/memory.stat'];
  expect(text).toContain(from);
  return { ...v1Files, 'memory/pod/c/memory.stat': text.replace(from, to) };
}
