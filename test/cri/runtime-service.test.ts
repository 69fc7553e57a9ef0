import { status, type ServiceError } from '@grpc/grpc-js';
import * as wire from '../../src/wire';
import { answer, collect, connect, outcome, type Connection } from './support/connection';
import { containerRecord, id, imageId, podRecord } from './support/records';
import { memoryRooms, type Rooms } from './support/rooms';

type Done = (error: ServiceError | null) => void;

let rooms: Rooms;
let connection: Connection;
beforeEach(async () => {
  rooms = memoryRooms();
  connection = await connect(rooms);
});
afterEach(async () => connection[Symbol.asyncDispose]());

const pod = id('b0');
const container = id('c0');
const sandboxConfig = (over: Parameters<typeof wire.PodSandboxConfig.fromPartial>[0] = {}) =>
  wire.PodSandboxConfig.fromPartial({
    metadata: { name: 'web', namespace: 'shop', uid: 'uid-1', attempt: 1 },
    ...over,
  });
const containerConfig = (over: Parameters<typeof wire.ContainerConfig.fromPartial>[0] = {}) =>
  wire.ContainerConfig.fromPartial({ metadata: { name: 'nginx' }, image: { image: imageId }, ...over });

describe('what the runtime says of itself', () => {
  test('Version', async () => {
    expect(await answer((done) => connection.runtime.version({ version: '0.1.0' }, done))).toEqual({
      version: '0.1.0',
      runtimeName: 'berth',
      runtimeVersion: '0.1.0-test',
      runtimeApiVersion: 'v1',
    });
  });

  test('Status: conditions, every handler and the default by the empty name, features', async () => {
    const features = { recursiveReadOnlyMounts: true, userNamespaces: true };
    expect(await answer((done) => connection.runtime.status({ verbose: false }, done))).toEqual({
      status: {
        conditions: [
          { type: 'RuntimeReady', status: true, reason: '', message: 'a file is passed over' },
          { type: 'NetworkReady', status: false, reason: 'NetworkPluginNotReady', message: 'no CNI configuration' },
        ],
      },
      info: {},
      runtimeHandlers: [
        { name: '', features },
        { name: 'crun', features: { recursiveReadOnlyMounts: false, userNamespaces: false } },
        { name: 'runc', features },
      ],
      features: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: false, mountOptions: true },
    });
  });

  test('Status, verbose: the configuration as JSON', async () => {
    const response = await answer<wire.StatusResponse>((done) => connection.runtime.status({ verbose: true }, done));
    expect(JSON.parse(response.info['config'] ?? '')).toMatchObject({
      log: { level: 'info' },
      stateDir: '/var/lib/berth',
    });
  });

  test('RuntimeConfig and UpdateRuntimeConfig', async () => {
    expect(await answer((done) => connection.runtime.runtimeConfig({}, done))).toEqual({
      linux: { cgroupDriver: wire.CgroupDriver.CGROUPFS },
    });
    const update = { runtimeConfig: { networkConfig: { podCidr: '10.0.0.0/24' } } };
    expect(await answer((done) => connection.runtime.updateRuntimeConfig(update, done))).toEqual({});
  });
});

describe('calls that are passed on', () => {
  test('RunPodSandbox', async () => {
    const config = sandboxConfig({ hostname: 'web' });
    const request = { config, runtimeHandler: 'crun' };
    expect(await answer((done) => connection.runtime.runPodSandbox(request, done))).toEqual({
      podSandboxId: 'f'.repeat(64),
    });
    expect(rooms.seen).toEqual([{ name: 'run', args: [config, 'crun'] }]);
  });

  test('CreateContainer', async () => {
    const request = { podSandboxId: pod, config: containerConfig({ tty: true }), sandboxConfig: sandboxConfig() };
    expect(await answer((done) => connection.runtime.createContainer(request, done))).toEqual({
      containerId: 'e'.repeat(64),
    });
    expect(rooms.seen).toEqual([{ name: 'create', args: [pod, request.config, request.sandboxConfig] }]);
  });

  const r = () => connection.runtime;
  test.each<[string, (done: Done) => unknown, string, unknown[]]>([
    ['StopPodSandbox', (done) => r().stopPodSandbox({ podSandboxId: 'gone' }, done), 'stopPod', ['gone']],
    ['RemovePodSandbox', (done) => r().removePodSandbox({ podSandboxId: 'gone' }, done), 'removePod', ['gone']],
    ['StartContainer', (done) => r().startContainer({ containerId: 'c' }, done), 'start', ['c']],
    ['StopContainer', (done) => r().stopContainer({ containerId: 'c', timeout: 30n }, done), 'stop', ['c', 30]],
    [
      'StopContainer of a very long grace',
      (done) => r().stopContainer({ containerId: 'c', timeout: 2n ** 62n }, done),
      'stop',
      ['c', 2147483],
    ],
    ['RemoveContainer', (done) => r().removeContainer({ containerId: 'c' }, done), 'remove', ['c']],
    ['ReopenContainerLog', (done) => r().reopenContainerLog({ containerId: 'c' }, done), 'reopenLog', ['c']],
  ])('%s', async (_what, call, name, args) => {
    await outcome(call);
    expect(rooms.seen).toEqual([{ name, args }]);
  });

  test('CheckpointContainer, of a container that is there', async () => {
    const checkpoint = (containerId: string) => (done: Done) =>
      r().checkpointContainer({ containerId, location: '/c.tar', timeout: 60n }, done);
    await expect(outcome(checkpoint('c'))).rejects.toMatchObject({ code: status.NOT_FOUND });
    rooms.containerRecords.push(containerRecord({ id: container }));
    await outcome(checkpoint('c'));
    expect(rooms.seen).toEqual([{ name: 'checkpoint', args: [container, '/c.tar', 60] }]);
  });

  test('the beginning of an id stands for the id, if it is the only one', async () => {
    rooms.containerRecords.push(containerRecord({ id: id('ab1') }), containerRecord({ id: id('ab2') }));
    await answer((done) => r().startContainer({ containerId: 'ab2' }, done));
    expect(rooms.seen).toEqual([{ name: 'start', args: [id('ab2')] }]);
    await expect(answer((done) => r().startContainer({ containerId: 'ab' }, done))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'StartContainer: container_id ab: 2 ids begin so (give more digits of the id)',
    });
  });

  test('ExecSync: bytes as they are, an exit code is an answer', async () => {
    rooms.containerRecords.push(containerRecord({ id: container }));
    const request = { containerId: container, cmd: ['sh', '-c', 'x'], timeout: 5n };
    expect(await answer((done) => r().execSync(request, done))).toEqual({
      stdout: Buffer.of(0xff, 0x0a),
      stderr: Buffer.from('oops'),
      exitCode: 3,
    });
    expect(rooms.seen).toEqual([{ name: 'execSync', args: [container, ['sh', '-c', 'x'], 5] }]);
  });

  test('Exec: a URL, for a container that runs', async () => {
    rooms.containerRecords.push(
      containerRecord({ id: container }),
      containerRecord({ id: id('d0'), phase: 'created' }),
    );
    const request = { containerId: 'c0', cmd: ['sh'], tty: true, stdin: true, stdout: true, stderr: false };
    expect(await answer((done) => r().exec(request, done))).toEqual({ url: 'http://127.0.0.1:1/exec/token' });
    expect(rooms.seen).toEqual([{ name: 'execUrl', args: [{ ...request, containerId: container }] }]);
    await expect(answer((done) => r().exec({ ...request, containerId: 'd0' }, done))).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('it is created, not running') as string,
    });
  });
});

describe('Attach', () => {
  const r = () => connection.runtime;
  const request = { containerId: 'c0', tty: false, stdin: true, stdout: true, stderr: true };

  test('a URL, for a container that runs or is about to', async () => {
    rooms.containerRecords.push(
      containerRecord({ id: container }),
      containerRecord({ id: id('d0'), phase: 'created' }),
      containerRecord({ id: id('e0'), phase: 'exited' }),
    );
    const url = 'http://127.0.0.1:1/attach/token';
    expect(await answer((done) => r().attach(request, done))).toEqual({ url });
    expect(await answer((done) => r().attach({ ...request, containerId: 'd0' }, done))).toEqual({ url });
    expect(rooms.seen).toEqual([
      { name: 'attachUrl', args: [{ ...request, containerId: container }] },
      { name: 'attachUrl', args: [{ ...request, containerId: id('d0') }] },
    ]);
    await expect(answer((done) => r().attach({ ...request, containerId: 'e0' }, done))).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('it is exited, neither created nor running') as string,
    });
  });

  test('a terminal is that of the container: one that has none is not attached to as if it had', async () => {
    rooms.containerRecords.push(containerRecord({ id: container }));
    await expect(answer((done) => r().attach({ ...request, tty: true, stderr: false }, done))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('tty: is set, and the container was created without one') as string,
    });
  });
});

describe('PortForward', () => {
  const r = () => connection.runtime;
  const pod = id('a0');

  test('a URL, for a pod that is ready', async () => {
    rooms.podRecords.push(podRecord({ id: pod }), podRecord({ id: id('b0'), phase: 'stopped' }));
    expect(await answer((done) => r().portForward({ podSandboxId: 'a0', port: [80] }, done))).toEqual({
      url: 'http://127.0.0.1:1/portforward/token',
    });
    expect(rooms.seen).toEqual([{ name: 'portForwardUrl', args: [{ podId: pod, ports: [80] }] }]);
    await expect(answer((done) => r().portForward({ podSandboxId: 'b0', port: [] }, done))).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('the sandbox is stopped') as string,
    });
    await expect(answer((done) => r().portForward({ podSandboxId: 'c0', port: [] }, done))).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });

  test.each([0, -1, 65_536])('port %d is none', async (port) => {
    rooms.podRecords.push(podRecord({ id: pod }));
    await expect(
      answer((done) => r().portForward({ podSandboxId: pod, port: [80, port] }, done)),
    ).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining(`port[1]: is ${port}, not between 1 and 65535`) as string,
    });
  });
});

describe('requests that lack something: INVALID_ARGUMENT names the field, and nothing is called', () => {
  const metadata = { name: 'web', namespace: 'shop', uid: 'u', attempt: 0 };
  const run = (config: wire.PodSandboxConfig | undefined) => (done: Done) =>
    connection.runtime.runPodSandbox({ config, runtimeHandler: '' }, done);
  const create = (podSandboxId: string, config: wire.ContainerConfig | undefined) => (done: Done) =>
    connection.runtime.createContainer({ podSandboxId, config, sandboxConfig: undefined }, done);
  const exec = (over: Partial<wire.ExecRequest>) => (done: Done) =>
    connection.runtime.exec(
      { containerId: container, cmd: ['sh'], tty: false, stdin: false, stdout: true, stderr: false, ...over },
      done,
    );
  const execSync = (over: Partial<wire.ExecSyncRequest>) => (done: Done) =>
    connection.runtime.execSync({ containerId: container, cmd: ['sh'], timeout: 0n, ...over }, done);
  const checkpoint = (over: Partial<wire.CheckpointContainerRequest>) => (done: Done) =>
    connection.runtime.checkpointContainer({ containerId: container, location: '/c', timeout: 0n, ...over }, done);
  const c = () => connection.runtime;

  test('what is for Windows nodes is refused by name', async () => {
    const windows = { resources: {} };
    const refused = (field: string) => ({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining(`${field}.windows: is for Windows nodes`) as string,
    });
    await expect(outcome(run(sandboxConfig({ windows: {} })))).rejects.toMatchObject(refused('config'));
    await expect(outcome(create(pod, containerConfig({ windows })))).rejects.toMatchObject(refused('config'));
    const update = wire.UpdateContainerResourcesRequest.fromPartial({ containerId: container, windows: {} });
    await expect(outcome((done) => c().updateContainerResources(update, done))).rejects.toMatchObject(
      refused('request'),
    );
    expect(rooms.seen).toEqual([]);
  });

  test.each<[string, (done: Done) => unknown]>([
    ['RunPodSandbox: config: is missing', run(undefined)],
    ['RunPodSandbox: config.metadata: is missing', run(sandboxConfig({ metadata: undefined }))],
    ['RunPodSandbox: config.metadata.name: is missing', run(sandboxConfig({ metadata: { ...metadata, name: '' } }))],
    [
      'RunPodSandbox: config.metadata.namespace: is missing',
      run(sandboxConfig({ metadata: { ...metadata, namespace: '' } })),
    ],
    ['RunPodSandbox: config.metadata.uid: is missing', run(sandboxConfig({ metadata: { ...metadata, uid: '' } }))],
    ['StopPodSandbox: pod_sandbox_id: is missing', (done) => c().stopPodSandbox({ podSandboxId: '' }, done)],
    ['RemovePodSandbox: pod_sandbox_id: is missing', (done) => c().removePodSandbox({ podSandboxId: '' }, done)],
    [
      'PodSandboxStatus: pod_sandbox_id: is missing',
      (done) => c().podSandboxStatus({ podSandboxId: '', verbose: false }, done),
    ],
    ['CreateContainer: pod_sandbox_id: is missing', create('', containerConfig())],
    ['CreateContainer: config: is missing', create(pod, undefined)],
    ['CreateContainer: config.metadata: is missing', create(pod, containerConfig({ metadata: undefined }))],
    ['CreateContainer: config.metadata.name: is missing', create(pod, containerConfig({ metadata: { name: '' } }))],
    ['CreateContainer: config.image: is missing', create(pod, containerConfig({ image: undefined }))],
    ['CreateContainer: config.image.image: is missing', create(pod, containerConfig({ image: { image: '' } }))],
    ['StartContainer: container_id: is missing', (done) => c().startContainer({ containerId: '' }, done)],
    ['StopContainer: container_id: is missing', (done) => c().stopContainer({ containerId: '', timeout: 0n }, done)],
    ['StopContainer: timeout: is -1, below 0', (done) => c().stopContainer({ containerId: 'c', timeout: -1n }, done)],
    ['RemoveContainer: container_id: is missing', (done) => c().removeContainer({ containerId: '' }, done)],
    [
      'ContainerStatus: container_id: is missing',
      (done) => c().containerStatus({ containerId: '', verbose: false }, done),
    ],
    ['ReopenContainerLog: container_id: is missing', (done) => c().reopenContainerLog({ containerId: '' }, done)],
    ['CheckpointContainer: container_id: is missing', checkpoint({ containerId: '' })],
    ['CheckpointContainer: location: is missing', checkpoint({ location: '' })],
    ['CheckpointContainer: location: is no absolute path: c.tar', checkpoint({ location: 'c.tar' })],
    ['CheckpointContainer: timeout: is -1, below 0', checkpoint({ timeout: -1n })],
    ['ExecSync: cmd: is missing', execSync({ cmd: [] })],
    ['ExecSync: timeout: is -5, below 0', execSync({ timeout: -5n })],
    ['Exec: container_id: is missing', exec({ containerId: '' })],
    ['Exec: cmd: is missing', exec({ cmd: [] })],
    ['Exec: stdin, stdout, stderr: none is set; at least one has to be', exec({ stdout: false })],
    ['Exec: stderr: is set with tty: a terminal has one output', exec({ tty: true, stderr: true })],
  ])('%s', async (details, call) => {
    rooms.containerRecords.push(containerRecord({ id: container }));
    await expect(outcome(call)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: `${details} (correct the field and call again)`,
    });
    expect(rooms.seen).toEqual([]);
  });
});

describe('PodSandboxStatus', () => {
  const call = (podSandboxId: string, verbose = false) =>
    answer<wire.PodSandboxStatusResponse>((done) =>
      connection.runtime.podSandboxStatus({ podSandboxId, verbose }, done),
    );

  test('all of it', async () => {
    rooms.podRecords.push(podRecord({ id: pod }));
    const response = await call(pod);
    expect(response).toEqual({
      status: {
        id: pod,
        metadata: { name: 'web', uid: 'uid-1', namespace: 'shop', attempt: 2 },
        state: wire.PodSandboxState.SANDBOX_READY,
        createdAt: 1_700_000_000_000_000_001n,
        network: { ip: '10.88.0.7', additionalIps: [{ ip: 'fd00::7' }] },
        linux: {
          namespaces: {
            options: { network: 0, pid: 1, ipc: 0, targetId: '', usernsOptions: undefined },
          },
        },
        labels: { app: 'web' },
        annotations: { note: 'kept' },
        runtimeHandler: 'runc',
      },
      info: {},
      containersStatuses: [],
      timestamp: 0n,
    });
  });

  test('its containers are told with it, without a timestamp', async () => {
    rooms.podRecords.push(podRecord({ id: pod }));
    rooms.containerRecords.push(
      containerRecord({ id: container, sandboxId: pod }),
      containerRecord({ id: id('c9'), sandboxId: id('b9') }),
    );
    const { containersStatuses, timestamp } = await call(pod);
    expect(timestamp).toBe(0n);
    expect(containersStatuses).toMatchObject([{ id: container, state: wire.ContainerState.CONTAINER_RUNNING }]);
  });

  test('without a network of its own: no address, and options are there', async () => {
    const bare = podRecord({ id: pod, config: sandboxConfig() });
    rooms.podRecords.push({ ...bare, network: undefined });
    const { status: answered } = await call(pod);
    expect(answered?.network).toEqual({ ip: '', additionalIps: [] });
    expect(answered?.linux?.namespaces?.options).toMatchObject({ network: 0, pid: 0, ipc: 0 });
  });

  test('verbose: JSON for people', async () => {
    rooms.podRecords.push(podRecord({ id: pod }));
    const { info } = await call('b0', true);
    expect(JSON.parse(info['info'] ?? '')).toMatchObject({
      cgroupParent: '/kubepods/pod1',
      namespaces: { netns: '/run/netns/berth-1-web' },
      cni: { name: 'bridge' },
    });
  });

  test('unknown, or still being made: NOT_FOUND', async () => {
    rooms.podRecords.push(podRecord({ id: pod, phase: 'creating' }));
    await expect(call(id('99'))).rejects.toMatchObject({ code: status.NOT_FOUND });
    await expect(call(pod)).rejects.toMatchObject({ code: status.NOT_FOUND });
  });
});

describe('ContainerStatus', () => {
  const call = (containerId: string, verbose = false) =>
    answer<wire.ContainerStatusResponse>((done) => connection.runtime.containerStatus({ containerId, verbose }, done));

  test('one that runs: all of it', async () => {
    const record = containerRecord({ id: container });
    rooms.containerRecords.push(record);
    expect((await call(container)).status).toEqual({
      id: container,
      metadata: { name: 'nginx', attempt: 1 },
      state: wire.ContainerState.CONTAINER_RUNNING,
      createdAt: 11n,
      startedAt: 12n,
      finishedAt: 0n,
      exitCode: 0,
      image: wire.ImageSpec.fromPartial({ image: 'example.org/nginx:1', userSpecifiedImage: 'example.org/nginx:1' }),
      imageRef: imageId,
      reason: '',
      message: '',
      labels: record.config.labels,
      annotations: record.config.annotations,
      mounts: record.config.mounts,
      logPath: '/var/log/pods/web/nginx/1.log',
      resources: { linux: wire.LinuxContainerResources.fromPartial({ cpuShares: 512n }), windows: undefined },
      imageId,
      user: { linux: { uid: 1002n, gid: 1003n, supplementalGroups: [1003n, 50000n] } },
      stopSignal: wire.Signal.SIGNAL_SIGTERM,
    });
  });

  test('one that ended: how and when', async () => {
    const exit = { exitCode: 137, reason: 'OOMKilled', message: 'out of memory', finishedAt: 13n };
    rooms.containerRecords.push(containerRecord({ id: container, phase: 'exited', exit }));
    expect((await call(container)).status).toMatchObject({ ...exit, state: wire.ContainerState.CONTAINER_EXITED });
  });

  test('one that ended without a record: unknown, and no exit is made up', async () => {
    rooms.containerRecords.push(containerRecord({ id: container, phase: 'exited' }));
    expect((await call(container)).status).toMatchObject({
      state: wire.ContainerState.CONTAINER_UNKNOWN,
      reason: 'Unknown',
      finishedAt: 0n,
    });
  });

  test('verbose: sandbox, pid and the spec as the room gives it', async () => {
    rooms.containerRecords.push(containerRecord({ id: container }));
    const { info } = await call(container, true);
    expect(JSON.parse(info['info'] ?? '')).toMatchObject({
      sandboxID: pod,
      pid: 4242,
      privileged: false,
      runtimeSpec: { ociVersion: '1.0.2', hostname: 'c000' },
    });
  });

  test('unknown: NOT_FOUND, as is an exec in it', async () => {
    await expect(call(container)).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: `ContainerStatus: container ${container}: no such container (list the containers with \`berth ps -a\`)`,
    });
    const request = { containerId: container, cmd: ['x'], timeout: 0n };
    await expect(answer((done) => connection.runtime.execSync(request, done))).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });
});

describe('lists', () => {
  const ready = wire.PodSandboxState.SANDBOX_READY;
  const notReady = wire.PodSandboxState.SANDBOX_NOTREADY;
  const filled = (config: wire.ContainerConfig) => ({ ...config, labels: { app: 'db' } });

  beforeEach(() => {
    const plain = containerRecord({ id: id('a1') });
    const exit = { exitCode: 0, reason: 'Completed', message: '', finishedAt: 5n };
    rooms.podRecords.push(
      podRecord({ id: id('a1') }),
      podRecord({ id: id('a2'), phase: 'stopped', config: sandboxConfig({ labels: { app: 'db' } }) }),
      podRecord({ id: id('b1'), phase: 'removing' }),
      podRecord({ id: id('b2'), phase: 'creating' }),
    );
    rooms.containerRecords.push(
      plain,
      containerRecord({ id: id('a2'), sandboxId: id('d1'), config: filled(plain.config) }),
      containerRecord({ id: id('b1'), phase: 'exited', exit }),
      containerRecord({ id: id('b2'), phase: 'created', startedAt: 0n }),
      containerRecord({ id: id('b3'), phase: 'removing', exit }),
      containerRecord({ id: id('b4'), phase: 'creating' }),
    );
  });

  test.each<[string, Parameters<typeof wire.PodSandboxFilter.fromPartial>[0] | undefined, string[]]>([
    ['none', undefined, ['a1', 'a2', 'b1']],
    ['an empty one', {}, ['a1', 'a2', 'b1']],
    ['an id', { id: id('a2') }, ['a2']],
    ['the beginning of ids', { id: 'a' }, ['a1', 'a2']],
    ['an id nobody has', { id: 'ff' }, []],
    ['ready', { state: { state: ready } }, ['a1']],
    ['not ready', { state: { state: notReady } }, ['a2', 'b1']],
    ['a label', { labelSelector: { app: 'db' } }, ['a2']],
    ['a label that Object has', { labelSelector: { constructor: '' } }, []],
    ['two that exclude one another', { labelSelector: { app: 'db' }, state: { state: ready } }, []],
  ])('pods by filter: %s', async (_what, partial, expected) => {
    const filter = partial && wire.PodSandboxFilter.fromPartial(partial);
    const { items } = await answer<wire.ListPodSandboxResponse>((done) =>
      connection.runtime.listPodSandbox({ filter }, done),
    );
    expect(items.map((item) => item.id.slice(0, 2))).toEqual(expected);
    const chunks = await collect(connection.runtime.streamPodSandboxes({ filter }));
    expect(chunks.flatMap((chunk) => chunk.podSandboxes)).toEqual(items);
  });

  test.each<[string, Parameters<typeof wire.ContainerFilter.fromPartial>[0] | undefined, string[]]>([
    ['none', undefined, ['a1', 'a2', 'b1', 'b2', 'b3']],
    ['the beginning of an id', { id: 'a2' }, ['a2']],
    ['the pod, by the beginning of its id', { podSandboxId: 'd1' }, ['a2']],
    ['running', { state: { state: wire.ContainerState.CONTAINER_RUNNING } }, ['a1', 'a2']],
    ['created', { state: { state: wire.ContainerState.CONTAINER_CREATED } }, ['b2']],
    ['exited', { state: { state: wire.ContainerState.CONTAINER_EXITED } }, ['b1', 'b3']],
    ['two labels', { labelSelector: { app: 'web', tier: 'front' } }, ['a1', 'b1', 'b2', 'b3']],
    ['a label with another value', { labelSelector: { app: 'web', tier: 'back' } }, []],
  ])('containers by filter: %s', async (_what, partial, expected) => {
    const filter = partial && wire.ContainerFilter.fromPartial(partial);
    const { containers } = await answer<wire.ListContainersResponse>((done) =>
      connection.runtime.listContainers({ filter }, done),
    );
    expect(containers.map((item) => item.id.slice(0, 2))).toEqual(expected);
    const chunks = await collect(connection.runtime.streamContainers({ filter }));
    expect(chunks.flatMap((chunk) => chunk.containers)).toEqual(containers);
  });

  test('the items have what CRI lists show', async () => {
    const { items } = await answer<wire.ListPodSandboxResponse>((done) =>
      connection.runtime.listPodSandbox({ filter: undefined }, done),
    );
    expect(items[0]).toEqual({
      id: id('a1'),
      metadata: { name: 'web', uid: 'uid-1', namespace: 'shop', attempt: 2 },
      state: ready,
      createdAt: 1_700_000_000_000_000_001n,
      labels: { app: 'web' },
      annotations: { note: 'kept' },
      runtimeHandler: 'runc',
    });
    const { containers } = await answer<wire.ListContainersResponse>((done) =>
      connection.runtime.listContainers({ filter: undefined }, done),
    );
    expect(containers[0]).toEqual({
      id: id('a1'),
      podSandboxId: pod,
      metadata: { name: 'nginx', attempt: 1 },
      image: wire.ImageSpec.fromPartial({ image: 'example.org/nginx:1', userSpecifiedImage: 'example.org/nginx:1' }),
      imageRef: imageId,
      state: wire.ContainerState.CONTAINER_RUNNING,
      createdAt: 11n,
      labels: { app: 'web', tier: 'front' },
      annotations: { note: 'kept' },
      imageId,
    });
  });

  test('a snapshot that is replaced is shown as it is now', async () => {
    const list = async () =>
      (
        await answer<wire.ListContainersResponse>((done) =>
          connection.runtime.listContainers({ filter: undefined }, done),
        )
      ).containers[0]?.state;
    expect(await list()).toBe(wire.ContainerState.CONTAINER_RUNNING);
    const exit = { exitCode: 1, reason: 'Error', message: '', finishedAt: 6n };
    rooms.containerRecords[0] = containerRecord({ id: id('a1'), phase: 'exited', exit });
    expect(await list()).toBe(wire.ContainerState.CONTAINER_EXITED);
  });
});
