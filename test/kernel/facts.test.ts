import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCapabilities, parseHardLimits, readControllers, readFacts } from '../../src/kernel/facts';
import { cgroupLayout, homeHierarchy, parseHierarchies } from '../../src/kernel/hierarchies';

test('hard limits are read by name; what is unlimited is none', () => {
  const text = `Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max open files            1024                 4096                 files
Max nice priority         0                    0
`;
  expect(parseHardLimits(text)).toEqual({ nofile: 4096, nice: 0 });
});

test('a mask of capabilities is read by name', () => {
  expect(parseCapabilities('0000000000000401')).toEqual(['chown', 'net_bind_service']);
  expect(parseCapabilities('000001ffffffffff')).toHaveLength(41);
  expect(parseCapabilities('000001ffffffffff').at(-1)).toBe('checkpoint_restore');
  expect(parseCapabilities('0')).toEqual([]);
});

test('what this machine says is plausible', async () => {
  const facts = await readFacts();
  expect(facts.bootId).toMatch(/^[0-9a-f-]{36}$/);
  expect(facts.release).toMatch(/^\d+\.\d+/);
  expect(facts.boundingCapabilities).toContain('sys_admin');
  expect(facts.controllers).toEqual(expect.arrayContaining(['memory', 'pids']));
  expect(Number.isInteger(facts.oomScoreAdj)).toBe(true);
});

describe('layouts of cgroups', () => {
  const v1 =
    'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,relatime,cpu,cpuacct 0 0\ncgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0';
  const systemd = 'cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0';
  const v2 = 'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate 0 0';
  const unified = 'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0';
  const rest = 'proc /proc proc rw 0 0\n/dev/vda / ext4 rw 0 0\n';

  test.each([
    ['v2', rest + v2, '/sys/fs/cgroup'],
    ['v1', `${rest}${v1}\n${systemd}`, '/sys/fs/cgroup/pids'],
    ['hybrid', `${rest}${v1}\n${unified}\n`, '/sys/fs/cgroup/unified'],
  ])('%s', (layout, mounts, home) => {
    const hierarchies = parseHierarchies(mounts);
    expect(cgroupLayout(hierarchies)).toBe(layout);
    expect(homeHierarchy(hierarchies)?.dir).toBe(home);
  });

  test('controllers and escaped paths are read', () => {
    expect(parseHierarchies(v1)[0]?.controllers).toEqual(['cpu', 'cpuacct']);
    expect(parseHierarchies('cgroup /a\\040b cgroup rw,name=x 0 0')).toEqual([
      { dir: '/a b', version: 1, controllers: ['name=x'] },
    ]);
    expect(homeHierarchy([])).toBeUndefined();
  });

  test.each([
    [['memory.max', 'memory.swap.max'], true],
    [['memory.max'], false],
  ])('v2 whose groups have %j counts swap: %s', async (files, counts) => {
    const dir = await mkdtemp(join(tmpdir(), 'berth-cgroup-'));
    try {
      await writeFile(join(dir, 'cgroup.controllers'), 'memory\n');
      for (const child of ['plain', 'limited']) await mkdir(join(dir, child));
      for (const file of files) await writeFile(join(dir, 'limited', file), 'max\n');
      expect((await readControllers([{ dir, version: 2, controllers: [] }])).swapAccounting).toBe(counts);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  test('the controllers of a hybrid are those of version 1, which is all that OCI runtimes use there', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'berth-cgroup-'));
    try {
      await writeFile(join(dir, 'cgroup.controllers'), 'hugetlb rdma\n');
      const pids = { dir: '/sys/fs/cgroup/pids', version: 1, controllers: ['pids'] } as const;
      const unified = { dir, version: 2, controllers: [] } as const;
      expect((await readControllers([pids, unified])).controllers).toEqual(['pids']);
      expect((await readControllers([unified])).controllers).toEqual(['hugetlb', 'rdma']);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
