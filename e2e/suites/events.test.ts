import { status } from '@grpc/grpc-js';
import { ContainerState, PodSandboxState } from '../../src/wire';
import { endDaemon } from '../support/daemon';
import { EventReader } from '../support/event-reader';
import { PassedSocket } from '../support/passed-socket';
import { spareDaemon } from '../support/spare-daemon';
import { berthOnly, restartable, useWorld } from '../support/suite';
import { until } from '../support/wait';

const suite = useWorld();

const subscribed = () => new EventReader(suite.world).ready();

berthOnly('GetContainerEvents', () => {
  test('a pod and its container from their creation to their end, each with all statuses as they were', async () => {
    const { world } = suite;
    using reader = await subscribed();
    using other = await subscribed();
    const pod = await world.runPod();
    const { container } = await world.runToEnd('exit 3', {}, pod);
    await world.cri.remove(container.id);
    await world.removePod(pod.id);
    const names = { [pod.id]: 'pod', [container.id]: 'container' };
    const told = [
      ...['pod CREATED', 'pod STARTED', 'container CREATED', 'container STARTED', 'container STOPPED'],
      ...['container DELETED', 'pod STOPPED', 'pod DELETED'],
    ];
    for (const each of [reader, other]) {
      await until('the last event', () => each.of(names).length >= told.length);
      expect(each.of(names)).toEqual(told);
    }
    const own = reader.events.filter(({ containerId }) => containerId in names);
    for (const { podSandboxStatus } of own) {
      expect(podSandboxStatus).toMatchObject({ id: pod.id, metadata: pod.config.metadata });
    }
    const [, started, created, running, stopped, deleted, podStopped] = own;
    expect(started?.podSandboxStatus).toMatchObject({ state: PodSandboxState.SANDBOX_READY });
    expect(started?.podSandboxStatus?.network?.ip).not.toBe('');
    expect(created?.containersStatuses).toMatchObject([{ id: container.id, state: ContainerState.CONTAINER_CREATED }]);
    expect(running?.containersStatuses).toMatchObject([{ id: container.id, state: ContainerState.CONTAINER_RUNNING }]);
    expect(stopped?.containersStatuses).toMatchObject([
      { id: container.id, state: ContainerState.CONTAINER_EXITED, exitCode: 3, reason: 'Error' },
    ]);
    expect(deleted?.containersStatuses).toEqual([]);
    expect(podStopped?.podSandboxStatus).toMatchObject({ state: PodSandboxState.SANDBOX_NOTREADY });
    const times = own.map(({ createdAt }) => createdAt);
    expect([...times].sort((a, b) => Number(a - b))).toEqual(times);
  });

  test('PodSandboxStatus has the containers, and no timestamp for a kubelet to go by', async () => {
    const { world } = suite;
    using reader = await subscribed();
    const container = await world.start();
    const names = { [container.id]: 'container' };
    await until('its start', () => reader.of(names).includes('container STARTED'));
    const status = await world.cri.podStatusVerbose(container.pod.id, false);
    expect(status.containersStatuses).toMatchObject([{ id: container.id, state: ContainerState.CONTAINER_RUNNING }]);
    expect(status.timestamp).toBe(0n);
  });

  test('what failed to be made is not told of', async () => {
    const { world } = suite;
    using reader = await subscribed();
    const pod = await world.runPod(world.podConfig({ host: true }));
    // Refused before anything was made, and by the OCI runtime when nearly all was.
    await expect(world.create({ imageName: 'registry.e2e.test/none' }, pod)).rejects.toBeDefined();
    const devices = [{ hostPath: '/dev/null', containerPath: '/proc/self/none', permissions: 'rwm' }];
    await expect(world.create({ devices }, pod)).rejects.toBeDefined();
    await world.removePod(pod.id);
    await until('the end of the pod', () => reader.of({ [pod.id]: 'pod' }).includes('pod DELETED'));
    const podEvents = reader.events.filter(({ podSandboxStatus }) => podSandboxStatus?.id === pod.id);
    expect(podEvents.map(({ containerId }) => containerId)).toEqual([pod.id, pod.id, pod.id, pod.id]);
  });

  test('twenty pods at once: each has its own order, and no event is missing', async () => {
    const { world } = suite;
    using reader = await subscribed();
    const made = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const pod = await world.runPod(world.podConfig({ host: true }));
        const { container } = await world.runToEnd('exit 0', {}, pod);
        await world.removePod(pod.id);
        return { pod: pod.id, container: container.id };
      }),
    );
    for (const { pod, container } of made) {
      const names = { [pod]: 'pod', [container]: 'container' };
      await until('the end of the pod', () => reader.of(names).includes('pod DELETED'));
      const of = (name: string) => reader.of(names).filter((word) => word.startsWith(`${name} `));
      expect(of('pod')).toEqual(['pod CREATED', 'pod STARTED', 'pod STOPPED', 'pod DELETED']);
      expect(of('container')).toEqual(['CREATED', 'STARTED', 'STOPPED', 'DELETED'].map((kind) => `container ${kind}`));
    }
  });

  test('a stop of berthd ends the stream at once, with UNAVAILABLE; the next one tells on', async () => {
    const { world } = suite;
    const reader = await subscribed();
    const daemon = await restartable(world);
    await daemon.end();
    await until('the end of the stream', () => reader.ended !== undefined);
    expect(reader.ended).toMatchObject({ code: status.UNAVAILABLE });
    await daemon.launch();
    using next = await subscribed();
    expect(next.ended).toBeUndefined();
  });
});

berthOnly('a socket that berthd is started with', () => {
  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'outlives %s: who asks for events before the next start waits for it, and is served',
    async (signal) => {
      await using spare = await spareDaemon({});
      await endDaemon(spare.daemon);
      await using socket = await PassedSocket.open(spare.daemon.layout.socket);
      await spare.launch(spare.daemon.env, socket.handedTo(spare.daemon.command));
      using reader = await new EventReader(spare.world).ready();

      await endDaemon(spare.daemon, signal);
      await until('the end of the stream', () => reader.ended !== undefined);
      expect(reader.ended).toMatchObject({ code: status.UNAVAILABLE });
      spare.world.disconnect();
      spare.world.reconnect();
      using next = new EventReader(spare.world);
      await spare.start();
      await next.ready();
      expect(next.ended).toBeUndefined();
    },
  );
});
