import { MonitorConnection } from '../../../src/runtime/monitor/connection';
import { decodeOom, encodeSubscribe, frameType, role } from '../../../src/runtime/monitor/protocol';
import { Workspace } from '../support/bundle';
import { TestContainer } from '../support/container';
import { describeRuntimes } from '../support/runtimes';
import { until } from '../support/until';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

const memoryBytes = 32 * 1024 ** 2;
const greedy = 'dd if=/dev/zero of=/dev/null bs=200M count=1';

/** The counts of OOM kills that the monitor tells, as they come. */
async function watchOom(container: TestContainer): Promise<AsyncDisposable & { readonly counts: readonly bigint[] }> {
  const connection = MonitorConnection.open(container.request.socketPath, role.events);
  await connection.send(frameType.subscribe, 2, encodeSubscribe(['oom']));
  const counts: bigint[] = [];
  let subscribed: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => (subscribed = resolve));
  const read = async () => {
    for await (const frame of connection.frames())
      if (frame.type === frameType.oom) counts.push(decodeOom(frame.payload).count);
      else if (frame.type === frameType.ok) subscribed();
  };
  const reading = read().catch(() => undefined);
  await ready;
  return {
    counts,
    [Symbol.asyncDispose]: async () => {
      connection.destroy();
      await reading;
    },
  };
}

describeRuntimes('an OOM kill', (runtime) => {
  test('of init is counted in its record, and told before the container is seen to have ended', async () => {
    await using container = await TestContainer.launch(workspace, { args: greedy.split(' '), memoryBytes, runtime });
    await container.monitor.created();
    await using watch = await watchOom(container);
    await container.monitor.start();
    const record = await container.exited();
    expect(record).toMatchObject({ status: { kind: 'signaled', signal: 9 }, oom: 'counted' });
    await until(async () => watch.counts.length > 0);
    expect(watch.counts).toEqual([1n]);
  });

  test('of a child is told while init lives, and counted though init ends well', async () => {
    const script = `${greedy}; read go; ${greedy}; read go; exit 0`;
    await using container = await TestContainer.launch(workspace, {
      args: ['sh', '-c', `mkfifo /tmp/gate; exec 0<>/tmp/gate; ${script}`],
      memoryBytes,
      runtime,
    });
    await container.monitor.created();
    await using watch = await watchOom(container);
    await container.monitor.start();
    await until(async () => watch.counts.at(-1) === 1n);
    expect(container.monitor.state.kind).toBe('running');
    await container.exec(['sh', '-c', 'echo go > /tmp/gate']);
    await until(async () => watch.counts.at(-1) === 2n);
    await container.exec(['sh', '-c', 'echo go > /tmp/gate']);
    expect(await container.exited()).toMatchObject({ status: { kind: 'exited', code: 0 }, oom: 'counted' });
    expect(watch.counts).toEqual([1n, 2n]);
  });

  test('of an exec is told, and init lives', async () => {
    await using container = await TestContainer.start(workspace, { args: ['sleep', '1000'], memoryBytes, runtime });
    await using watch = await watchOom(container);
    expect((await container.exec(greedy.split(' '))).status).toEqual({ kind: 'signaled', signal: 9 });
    await until(async () => watch.counts.at(-1) === 1n);
    expect(container.monitor.state.kind).toBe('running');
  });

  test('is not what a SIGKILL is, whoever sent it', async () => {
    await using asked = await TestContainer.start(workspace, { args: ['sleep', '1000'], memoryBytes, runtime });
    await asked.monitor.signal(9);
    expect(await asked.exited()).toMatchObject({ status: { kind: 'signaled', signal: 9 }, oom: 'no' });
    await using killed = await TestContainer.start(workspace, { args: ['sleep', '1000'], memoryBytes, runtime });
    const { state } = killed.monitor;
    if (state.kind === 'running') process.kill(state.init.pid, 'SIGKILL');
    expect(await killed.exited()).toMatchObject({ status: { kind: 'signaled', signal: 9 }, oom: 'no' });
  });
});
