import { subscribeMonitor, type MonitorEvent, type MonitorSubscription } from '../../../src/runtime';
import { Workspace } from '../support/bundle';
import { TestContainer } from '../support/container';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

async function all(subscription: MonitorSubscription): Promise<readonly MonitorEvent[]> {
  const events: MonitorEvent[] = [];
  for await (const event of subscription.events) events.push(event);
  return events;
}

const kinds = (events: readonly MonitorEvent[]) =>
  events.map((event) => (event.kind === 'state' ? event.state.kind : event.kind));

describe('a subscriber', () => {
  test('is told the present state, then each later one, and holds nobody', async () => {
    await using container = await TestContainer.launch(workspace, { args: ['sh', '-c', 'exit 9'] });
    await container.monitor.created();
    const { socketPath } = container.request;
    const first = all(await subscribeMonitor(socketPath, ['state']));
    const second = all(await subscribeMonitor(socketPath, ['state', 'oom', 'log']));
    await container.monitor.start();
    container.monitor.close();
    await container.left();
    for (const events of [await first, await second]) {
      expect(kinds(events)).toEqual(['created', 'running', 'exited']);
      expect(events.at(-1)).toMatchObject({ state: { record: { status: { kind: 'exited', code: 9 } } } });
    }
  });

  test('is told of nothing that it has not asked for', async () => {
    await using container = await TestContainer.launch(workspace, { args: ['sh', '-c', 'echo x'] });
    await container.monitor.created();
    const events = all(await subscribeMonitor(container.request.socketPath, ['oom', 'log']));
    await container.monitor.start();
    await container.exited();
    await container.monitor.release();
    expect(await events).toEqual([]);
  });

  test('learns why a container could not be created', async () => {
    await using container = await TestContainer.launch(workspace, {
      args: ['/no/such/program'],
      // Long enough that the subscription is there before the end.
      hooks: { createRuntime: [{ path: '/bin/sleep', args: ['sleep', '0.5'] }] },
    });
    const events = await all(await subscribeMonitor(container.request.socketPath, ['state']));
    expect(kinds(events)).toEqual(['creating', 'failed']);
    expect(events.at(-1)).toMatchObject({
      state: { message: expect.stringContaining('/no/such/program') as string },
    });
  });

  test('sees a monitor that dies as lost, and its own closing as the end', async () => {
    await using container = await TestContainer.start(workspace, { args: ['sleep', '1000'] });
    const closed = await subscribeMonitor(container.request.socketPath, ['state']);
    const lost = all(await subscribeMonitor(container.request.socketPath, ['oom']));
    const events: MonitorEvent[] = [];
    for await (const event of closed.events) {
      events.push(event);
      closed.close();
    }
    expect(kinds(events)).toEqual(['running']);
    process.kill(container.process.pid ?? 0, 'SIGKILL');
    await expect(lost).rejects.toMatchObject({ code: 'monitor-lost' });
  });

  test('is refused where no monitor is, and gives up when told to', async () => {
    await expect(subscribeMonitor('/no/such/socket', ['state'])).rejects.toMatchObject({ code: 'monitor-lost' });
    await using container = await TestContainer.start(workspace, { args: ['sleep', '1000'] });
    const aborted = AbortSignal.abort(new Error('too late'));
    await expect(subscribeMonitor(container.request.socketPath, ['state'], aborted)).rejects.toMatchObject({
      code: 'call-cancelled',
    });
  });
});
