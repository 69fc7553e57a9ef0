import { stat } from 'node:fs/promises';
import { footprint } from '../../bench/monitor/footprint';
import { Workspace } from '../support/bundle';
import { TestContainer } from '../support/container';
import { until } from '../support/until';

/** KiB: pages of stack, data and heap that are written once and stay; the buffer alone that is to go has 64. */
const firstTouched = 40;

let workspace: Workspace;
beforeAll(async () => void (workspace = await Workspace.make()));
afterAll(() => workspace[Symbol.asyncDispose]());

test('a monitor gives back what a burst of output and of execs has needed', async () => {
  const burst = 2_000_000;
  await using container = await TestContainer.launch(workspace, {
    args: ['sh', '-c', `yes 0123456789 | head -c ${burst}; exec sleep 1000`],
  });
  const own = async () => (await footprint(container.process.pid ?? 0)).anonymous;
  await container.monitor.created();
  const before = await own();
  await container.monitor.start();
  await until(async () => (await stat(container.request.logPath ?? '')).size > burst);
  const { stdout } = await container.exec(['sh', '-c', `yes | head -c ${burst}`]);
  expect(stdout.length).toBe(burst);
  await until(async () => (await own()) <= before + firstTouched);
});
