import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../../src/base';
import { FakeKernel, type RunRequest } from '../../../src/kernel';
import { createFirewall } from '../../../src/pods/host-ports/firewall';
import { createHostPorts } from '../../../src/pods/host-ports/host-ports';
import { hostPortsOf } from '../../../src/pods/host-ports/mappings';
import type { SandboxRecord, Table } from '../../../src/state';
import { NamespaceMode, PodSandboxConfig } from '../../../src/wire';
import { Ground, run, untilTerm } from '../../containers/support/ground';

const mapping = (hostPort: number) => ({ hostPort, containerPort: 80 });

describe('host ports on record', () => {
  const list = { name: 'net', cniVersion: '1.0.0', plugins: [{ type: 'bridge' }] };
  const withPortmap = { ...list, plugins: [{ type: 'portmap', capabilities: { portMappings: true } }] };
  let runRoot: string;
  beforeEach(async () => void (runRoot = await mkdtemp(join(tmpdir(), 'berth-ports-'))));
  afterEach(() => rm(runRoot, { recursive: true }));

  function world({ searchPath = '/usr/sbin:/usr/bin' } = {}) {
    const records = new Map<string, SandboxRecord>();
    const table: Table<SandboxRecord> = {
      get: (id) => records.get(id),
      values: () => records.values(),
      put: async (record) => void records.set(record.id, record),
      putAll: async (all) => all.forEach((record) => records.set(record.id, record)),
      delete: async (...ids) => ids.forEach((id) => records.delete(id)),
    };
    const kernel = new FakeKernel();
    const make = () => createHostPorts({ kernel, table, runRoot, rootHash: '0', log: silentLog(), searchPath });
    const nft = () => kernel.callsOf('run').map(([request]) => request as RunRequest);
    return { records, kernel, make, nft };
  }

  const pod = (id: string, hostPort: number): SandboxRecord => ({
    v: 1,
    id,
    phase: 'creating',
    config: PodSandboxConfig.fromPartial({
      metadata: { name: id, namespace: 'test', uid: id },
      portMappings: [mapping(hostPort)],
    }),
    handler: 'runc',
    createdAt: 0n,
    bootId: new FakeKernel().facts.bootId,
    cgroupParent: '/x',
    ownsCgroup: false,
    network: {
      attached: true,
      ips: [],
      name: 'net',
      confList: JSON.stringify(list),
      result: `{"ips":[{"address":"10.1.0.${hostPort}/24"}]}`,
    },
  });

  test('asked for together are one call of nft, and those that come while it runs are the next', async () => {
    const { kernel, nft } = world();
    const firewall = createFirewall({ kernel, table: 'berth-0', searchPath: '/usr/sbin', log: silentLog() });
    const served = Array.from({ length: 50 }, (_, i) => {
      const ports = hostPortsOf(pod('x', i + 1).config);
      return { id: `pod-${i}`, ports, addresses: [{ ip: `10.1.0.${i + 1}`, prefix: 24 }] };
    });
    const now: typeof served = [];
    let second: Promise<void> | undefined;
    const answer = { exitCode: 0, signal: undefined, timedOut: false, truncated: false };
    kernel.script('run', async () => {
      second ??= firewall.apply(() => []);
      return { ...answer, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
    });
    await Promise.all(
      served.map((each) => {
        now.push(each);
        return firewall.apply(() => now);
      }),
    );
    await second;
    expect(nft()).toHaveLength(2);
    for (let i = 1; i <= 50; i++) expect(nft()[0]?.stdin).toContain(`tcp . ${i} : 10.1.0.${i} . 80`);
    expect(nft()[1]?.stdin).not.toContain('dnat');
  });

  test('that nft refuses are told with its words, and taken back they are asked for no more', async () => {
    const { make, kernel, nft } = world();
    const hostPorts = make();
    const claimed = await hostPorts.claim(pod('one', 80), list);
    const refused = { exitCode: 1, signal: undefined, timedOut: false, truncated: false };
    kernel.script('run', async () => ({
      ...refused,
      stdout: Buffer.alloc(0),
      stderr: Buffer.from('Error: not today\n'),
    }));
    await expect(hostPorts.open(claimed)).rejects.toMatchObject({
      code: 'program-failed',
      message: expect.stringMatching(/table inet berth-0: nft: Error: not today/) as string,
    });
    // A close that fails is tried again: the pod's record still says that there is something.
    await expect(hostPorts.close(claimed)).rejects.toMatchObject({ code: 'program-failed' });
    kernel.script('run', async () => ({ ...refused, exitCode: 0, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }));
    await hostPorts.close(claimed);
    expect(nft().at(-1)?.stdin).not.toContain('dport');
  });

  test('without nft are refused before anything is done, unless a plugin maps them', async () => {
    const { make, records, nft } = world({ searchPath: runRoot });
    const hostPorts = make();
    await expect(hostPorts.claim(pod('one', 80), list)).rejects.toMatchObject({
      code: 'program-missing',
      message: expect.stringMatching(
        /pod test\/one: there is no program nft.*no plugin of network net maps them/,
      ) as string,
    });
    expect(records.size).toBe(0);
    expect(await hostPorts.claim(pod('one', 80), withPortmap)).not.toHaveProperty('hostPorts');
    expect(nft()).toEqual([]);
    await writeFile(join(runRoot, 'nft'), '', { mode: 0o755 });
    expect(await hostPorts.claim(pod('two', 81), list)).toHaveProperty('hostPorts');
  });

  test('are a pod’s until they are closed, and with a plugin that maps them until its DEL', async () => {
    const { make, records } = world();
    const hostPorts = make();
    const taken = {
      code: 'host-port-taken',
      message: expect.stringMatching(/taken by pod test\/one \(one, /) as string,
    };
    const held = pod('one', 80);
    const { hostPorts: _, ...closed } = await hostPorts.claim(held, list);
    await expect(hostPorts.claim(pod('two', 80), list)).rejects.toMatchObject(taken);
    await expect(hostPorts.claim(pod('two', 80), withPortmap)).rejects.toMatchObject(taken);
    // Its DEL has failed, but no rule of ours leads to it.
    records.set('one', { ...closed, phase: 'stopped' });
    await hostPorts.claim(pod('two', 80), list);
    records.clear();
    const mapped = { ...held, network: { attached: true, ips: [], confList: JSON.stringify(withPortmap) } };
    records.set('one', { ...mapped, phase: 'removing' });
    await expect(hostPorts.claim(pod('two', 80), list)).rejects.toMatchObject(taken);
    records.set('one', { ...mapped, phase: 'stopped', network: { ...mapped.network, attached: false } });
    await hostPorts.claim(pod('two', 80), list);
  });

  test('after a start are those of the pods that run, and nft is left alone where there are none', async () => {
    const { make, records, nft } = world();
    await make().restore();
    expect(nft()).toEqual([]);
    const served = { hostPorts: { servedBy: 'nft' as const } };
    records.set('runs', { ...pod('runs', 1), ...served, phase: 'ready' });
    records.set('begun', { ...pod('begun', 2), ...served, phase: 'creating' });
    records.set('earlier', { ...pod('earlier', 3), ...served, phase: 'ready', bootId: 'earlier' });
    await make().restore();
    expect(nft()).toHaveLength(1);
    expect(nft()[0]?.stdin).toContain('tcp . 1 :');
    expect(nft()[0]?.stdin).not.toMatch(/tcp \. [23] :/);
  });
});

describe('host ports of real pods', () => {
  let ground: Ground;
  beforeEach(async () => void (ground = await Ground.create({ plugins: ['tail'] })));
  afterEach(() => ground.dispose());

  const table = async () => {
    const { stdout } = await run('nft', ['list', 'table', 'inet', ground.cgroup.slice(1)]);
    return stdout;
  };
  const port = 30_000 + (process.pid % 10_000);
  const podWith = (hostPort: number) => ground.pod({ portMappings: [mapping(hostPort)] }, NamespaceMode.POD);

  test('one of two pods at once gets a port, and the other leaves nothing', async () => {
    const both = await Promise.allSettled([podWith(port), podWith(port)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find((each) => each.status === 'rejected')?.reason).toMatchObject({ code: 'host-port-taken' });
    expect(ground.engine.pods.list()).toHaveLength(1);
    expect(await ground.addresses()).toHaveLength(1);
  });

  test('a pod that fails gives its port back, and so does one that was cut off while it was made', async () => {
    await writeFile(join(ground.dir, 'fail-ADD'), '');
    await expect(podWith(port)).rejects.toThrow(/refuses ADD/);
    await rm(join(ground.dir, 'fail-ADD'));
    const pod = await podWith(port);
    expect(await table()).toContain(`tcp . ${port} : ${(await ground.addresses())[0]} . 80`);
    await ground.kill();
    await ground.editState(async ({ sandboxes }) => {
      const record = sandboxes.get(pod);
      if (record) await sandboxes.put({ ...record, phase: 'creating' });
    });
    await ground.start();
    await ground.expectNothingLeft();
    await podWith(port);
  });

  test('a stop takes the port away though DEL fails, and the next pod may have it', async () => {
    const pod = await podWith(port);
    await ground.running(pod, untilTerm);
    await writeFile(join(ground.dir, 'fail-DEL'), '');
    await ground.engine.podLifecycle.stop(pod);
    expect(ground.engine.pods.get(pod)).toMatchObject({ phase: 'stopped', network: { attached: true } });
    await expect(table()).rejects.toThrow(/No such file/);
    await rm(join(ground.dir, 'fail-DEL'));
    const next = await podWith(port);
    expect(await table()).toContain(`tcp . ${port} : ${ground.engine.pods.get(next)?.network?.ips[0]} . 80`);
  });
});
