import {
  ContainerEventResponse,
  ContainerEventType,
  ContainerState,
  ContainerStats,
  PodSandboxStats,
} from '../../src/wire';
import { call, type CallOptions } from './call';
import { FakeDaemon } from './fake-daemon';

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await FakeDaemon.start();
});
afterEach(() => daemon[Symbol.asyncDispose]());

const berth = (args: string[], options: CallOptions = {}) => call(daemon.socket, args, options);
const value = (figure: number) => ({ value: BigInt(figure) });
const second = 1_000_000_000;

const statsOf = (id: string, name: string, at: number, cpuNs: number) =>
  ContainerStats.fromPartial({
    attributes: { id, metadata: { name, attempt: 0 } },
    cpu: { timestamp: BigInt(at), usageCoreNanoSeconds: value(cpuNs), usageNanoCores: value(250_000_000) },
    memory: { timestamp: BigInt(at), workingSetBytes: value(30_000_000), availableBytes: value(70_000_000) },
    writableLayer: { timestamp: BigInt(at), usedBytes: value(4096) },
  });

describe('stats', () => {
  beforeEach(() => {
    const pod = daemon.addPod('shop', 'a1');
    const [web, db] = [daemon.addContainer('web', 'c1', pod), daemon.addContainer('db', 'c2', pod)];
    daemon.addContainer('done', 'c3', pod, { state: ContainerState.CONTAINER_EXITED });
    daemon.containerStats.push([
      statsOf(web.id, 'web', 1, 0),
      ContainerStats.fromPartial({ attributes: { id: db.id, metadata: { name: 'db' } } }),
    ]);
  });

  test('once, with a dash for what is not known', async () => {
    expect(await berth(['stats'])).toEqual({
      status: 0,
      stderr: '',
      stdout: [
        'CONTAINER      NAME  POD    CPU  MEMORY  LIMIT  SWAP  WRITTEN',
        'c100000000000  web   shop  0.25  30.0MB  100MB     -    4.1kB',
        'c200000000000  db    shop     -       -      -     -        -',
        '',
      ].join('\n'),
    });
  });

  test('of those that are named; JSON has plain numbers', async () => {
    const { stdout } = await berth(['stats', '--json', 'c1']);
    expect(JSON.parse(stdout)).toEqual([
      {
        id: 'c1'.padEnd(64, '0'),
        name: 'web',
        pod: 'shop',
        cpu: 0.25,
        memory: 30_000_000,
        memoryLimit: 100_000_000,
        written: 4096,
      },
    ]);
    expect(await berth(['stats', 'nobody'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('nobody') as string,
    });
  });

  test('again and again, each a line of JSON, until Ctrl-C; CPU is what was used in between', async () => {
    const id = 'c1'.padEnd(64, '0');
    daemon.containerStats.splice(0, 1, [statsOf(id, 'web', second, 0)], [statsOf(id, 'web', 3 * second, 3 * second)]);
    let lines = 0;
    const { status, stdout } = await berth(['stats', '--json', '--watch', '--interval', '10ms'], {
      onOutput: (_, interrupt) => void (++lines === 2 && interrupt()),
    });
    expect(status).toBe(0);
    const seen = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { cpu: number }[]);
    expect(seen.map(([row]) => row?.cpu)).toEqual([0.25, 1.5]);
  });

  test('in a terminal it is drawn over itself, in the room that there is', async () => {
    let drawn = 0;
    const { status, stdout } = await berth(['stats', '--interval', '10ms'], {
      stdoutScreen: { columns: 30, rows: 3 },
      onOutput: (_, interrupt) => void (++drawn === 2 && interrupt()),
    });
    expect(status).toBe(0);
    const frame = 'CONTAINER      NAME  POD    CPU\nc100000000000  web   shop  0.25\n'.replace(/^(.{29}).*$/gm, '$1');
    expect(stdout).toBe(`\r\u001b[J${frame}\u001b[2A\r\u001b[J${frame}`);
  });

  test.each([
    [['--interval', 'soon'], '"soon" is no duration'],
    [['--interval', '0s'], '"0s" is no duration'],
  ])('%j is refused', async (args, says) => {
    expect(await berth(['stats', ...args])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(says) as string,
    });
  });
});

describe('top', () => {
  const podOf = (id: string, name: string, nanoCores: number, memory: number, at = 1, rx = 0) =>
    PodSandboxStats.fromPartial({
      attributes: { id: id.padEnd(64, '0'), metadata: { name, namespace: 'shop', uid: '', attempt: 0 } },
      linux: {
        cpu: { timestamp: BigInt(at), usageNanoCores: value(nanoCores) },
        memory: { timestamp: BigInt(at), workingSetBytes: value(memory) },
        process: { timestamp: BigInt(at), processCount: value(3) },
        network: {
          timestamp: BigInt(at),
          defaultInterface: { name: 'eth0', rxBytes: value(rx), txBytes: value(0) },
          interfaces: [],
        },
        containers: [{}, {}],
      },
    });

  test('the most first, with the sum of all', async () => {
    daemon.podStats.push([podOf('a1', 'small', 20_000_000, 5_000_000), podOf('a2', 'large', 1_480_000_000, 1_000_000)]);
    const { stdout } = await berth(['top']);
    expect(stdout).toBe(
      [
        'pods 2, containers 4, CPU 1.50, memory 6.0MB',
        'POD            NAME   NAMESPACE  CONTAINERS   CPU  MEMORY  TASKS  RX/S  TX/S',
        'a200000000000  large  shop                2  1.48   1.0MB      3     -     -',
        'a100000000000  small  shop                2  0.02   5.0MB      3     -     -',
        '',
      ].join('\n'),
    );
    const byMemory = await berth(['top', '--sort', 'memory', '--json']);
    expect((JSON.parse(byMemory.stdout) as { name: string }[]).map(({ name }) => name)).toEqual(['small', 'large']);
  });

  test('speeds are of what came between two looks; what has no room is counted', async () => {
    const at = (time: number, rx: number) => ['a1', 'a2', 'a3'].map((id) => podOf(id, id, 1, 1, time * second, rx));
    daemon.podStats.push(at(1, 0), at(3, 8000));
    const frames: string[] = [];
    await berth(['top', '--interval', '10ms'], {
      stdoutScreen: { columns: 200, rows: 6 },
      onOutput: (text, interrupt) => void (frames.push(text) === 2 && interrupt()),
    });
    expect(frames[1]?.split('\n').slice(2)).toEqual([
      expect.stringMatching(/^a100000000000 .* 4\.0kB +0B$/),
      expect.stringMatching(/^a200000000000 /),
      'and 1 more',
      '',
    ]);
  });

  test('an order that is none is refused with those that are', async () => {
    expect(await berth(['top', '--sort', 'toString'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--sort "toString": use cpu, memory, tasks, network') as string,
    });
  });
});

describe('events', () => {
  const pod = { id: 'a1'.padEnd(64, '0'), metadata: { name: 'web-1', namespace: 'shop', uid: 'u', attempt: 0 } };
  const container = { id: 'c1'.padEnd(64, '0'), metadata: { name: 'web\u001b', attempt: 0 } };
  const event = (over: Parameters<typeof ContainerEventResponse.fromPartial>[0]) =>
    ContainerEventResponse.fromPartial({ createdAt: 1_700_000_000_000_000_000n, podSandboxStatus: pod, ...over });

  test('a line for each, until Ctrl-C; JSON the same', async () => {
    const exited = { ...container, state: ContainerState.CONTAINER_EXITED, exitCode: 3, reason: 'Error' };
    daemon.happened.push(
      event({ containerId: pod.id, containerEventType: ContainerEventType.CONTAINER_STARTED_EVENT }),
      event({
        containerId: container.id,
        containerEventType: ContainerEventType.CONTAINER_STOPPED_EVENT,
        containersStatuses: [exited],
      }),
      event({ containerId: container.id, containerEventType: ContainerEventType.CONTAINER_DELETED_EVENT }),
    );
    const three = () => {
      let lines = 0;
      return (text: string, interrupt: () => void) => {
        lines += text.split('\n').length - 1;
        if (lines === 3) interrupt();
      };
    };
    const time = '2023-11-14T22:13:20.000Z';
    expect(await berth(['events'], { onOutput: three() })).toEqual({
      status: 0,
      stderr: '',
      stdout: [
        `${time}  started  pod web-1 (shop, a100000000000)`,
        `${time}  stopped  container web? (pod shop/web-1, c100000000000): exit 3, Error`,
        `${time}  deleted  container web? (pod shop/web-1, c100000000000)`,
        '',
      ].join('\n'),
    });
    const { stdout } = await berth(['events', '--json'], { onOutput: three() });
    expect(stdout).not.toContain('\u001b');
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toMatchObject([
      { event: 'started', kind: 'pod', name: 'web-1' },
      {
        event: 'stopped',
        kind: 'container',
        name: 'web\u001b',
        pod: 'web-1',
        namespace: 'shop',
        exitCode: 3,
        reason: 'Error',
      },
      { event: 'deleted', kind: 'container', name: 'web\u001b' },
    ]);
  });

  test('a daemon that goes is told, with status 1', async () => {
    daemon.happened.push(
      event({ containerId: pod.id, containerEventType: ContainerEventType.CONTAINER_CREATED_EVENT }),
    );
    const { status, stderr } = await berth(['events'], { onOutput: () => daemon.endEvents() });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^berth: .*berthd is stopping/);
  });
});
