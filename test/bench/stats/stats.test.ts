import { ContainerStats, PodSandboxStats } from '../../../src/wire';
import { figuresOfContainer, figuresOfPod, type Figures } from './figures';
import { compare, compareTable, fails, near, type Expectation } from './verdict';

const used = (at: number, cpuNs: number) => ({
  timestamp: BigInt(at),
  usageCoreNanoSeconds: { value: BigInt(cpuNs) },
});

test('CPU time is told as processors in use between both answers, the rest as the last one has it', () => {
  const before = ContainerStats.fromPartial({ cpu: used(1e9, 5e8), memory: { rssBytes: { value: 1n } } });
  const after = ContainerStats.fromPartial({
    cpu: { ...used(5e9, 25e8), usageNanoCores: { value: 250_000_000n } },
    memory: { rssBytes: { value: 7n }, usageBytes: { value: 0n } },
    writableLayer: { inodesUsed: { value: 3n } },
  });
  expect(figuresOfContainer(before, after)).toEqual({
    'cpu over the interval, cores': 0.5,
    'cpu.usage_nano_cores, cores': 0.25,
    'memory.rss_bytes': 7,
    'memory.usage_bytes': 0,
    'writable_layer.inodes_used': 3,
  });
  expect(figuresOfContainer(ContainerStats.fromPartial({}), after)).not.toHaveProperty([
    'cpu over the interval, cores',
  ]);
});

test('of a pod there are its processes and its default interface, too', () => {
  const pod = PodSandboxStats.fromPartial({
    linux: {
      process: { processCount: { value: 4n } },
      network: { defaultInterface: { rxBytes: { value: 10n } }, interfaces: [{ txBytes: { value: 20n } }] },
    },
  });
  expect(figuresOfPod(pod, pod)).toEqual({ 'process.process_count': 4, 'network.rx_bytes': 10 });
  expect(figuresOfPod(PodSandboxStats.fromPartial({}), PodSandboxStats.fromPartial({}))).toEqual({});
});

test.each([
  [100, 105, { part: 0.05 }, true],
  [100, 106, { part: 0.05 }, false],
  [1, 3, { part: 0.05, absolute: 2 }, true],
  [1, 4, { part: 0.05, absolute: 2 }, false],
  [7, 7, {}, true],
  [7, 8, {}, false],
  [undefined, undefined, {}, true],
  [undefined, 0, { absolute: 10 }, false],
])('%s and %s within %j: %s', (one, other, tolerance, expected) => {
  expect(near(one, other, tolerance)).toBe(expected);
  expect(near(other, one, tolerance)).toBe(expected);
});

test.each([
  ['both say what the kernel says of the same load', [10, 10, 10, 10], 'same', undefined],
  ['the peer says something else of the same load', [10, 10, 20, 10], 'OTHER THAN THE PEER', undefined],
  ['the load was another one, and both tell it', [10, 10, 20, 20], 'each its own', undefined],
  ['the load was another one, and the peer tells none of them', [10, 10, 30, 20], 'OTHER THAN THE PEER', undefined],
  ['berth says what the peer says, and the kernel does not', [10, 20, 10, 20], 'OTHER THAN THE KERNEL', undefined],
  ['berth does not tell what the kernel has', [undefined, 10, 10, 10], 'OTHER THAN THE KERNEL', undefined],
  ['the peer does not tell it', [10, 10, undefined, 10], 'OTHER THAN THE PEER', undefined],
  ['a known difference', [undefined, undefined, 0, undefined], 'by definition', 'why'],
  ['a known difference is no excuse before the kernel', [5, 10, 0, 10], 'OTHER THAN THE KERNEL', 'why'],
] as const)('%s', (_what, figures, verdict, byDefinition) => {
  const expectation: Expectation = {
    subject: 'pod',
    figure: 'memory.rss_bytes',
    tolerance: { part: 0.01 },
    ...(byDefinition !== undefined && { byDefinition }),
  };
  const [berth, berthKernel, peer, peerKernel] = figures.map((figure): Figures =>
    figure === undefined ? {} : { 'memory.rss_bytes': figure },
  ) as [Figures, Figures, Figures, Figures];
  const row = compare(expectation, { berth, berthKernel, peer, peerKernel });
  expect(row.verdict).toBe(verdict);
  expect(fails(row)).toBe(verdict.startsWith('OTHER'));
});

test('the table has each figure beside the kernel’s, and the tolerance', () => {
  const row = compare(
    { subject: 'burns', figure: 'cpu.usage_nano_cores, cores', tolerance: { part: 0.05, absolute: 0.02 } },
    {
      berth: { 'cpu.usage_nano_cores, cores': 0.5 },
      berthKernel: { 'cpu.usage_nano_cores, cores': 0.5 },
      peer: {},
      peerKernel: { 'cpu.usage_nano_cores, cores': 0.5 },
    },
  );
  expect(compareTable([row]).split('\n')[1]).toMatch(
    /^burns +cpu\.usage_nano_cores, cores +0\.500 +0\.500 +- +0\.500 +5 % or 0\.02 +OTHER THAN THE PEER$/,
  );
});
