import { existsSync } from 'node:fs';
import { createOutcome } from '../../../src/runtime/monitor/create-outcome';
import { Workspace } from '../support/bundle';
import { TestContainer } from '../support/container';

test('a create that hangs is killed, and its monitor leaves nothing', async () => {
  await using workspace = await Workspace.make();
  await using container = await TestContainer.launch(workspace, {
    args: ['true'],
    runtime: 'fake',
    misbehave: { create: 'sleep=600000' },
  });
  await createOutcome(container.monitor, 100);
  expect(container.monitor.state).toEqual({ kind: 'failed', message: 'create: the runtime was killed by signal 9' });
  await container.left();
  expect(existsSync(container.request.socketPath)).toBe(false);
  expect(existsSync(container.request.exitFile)).toBe(false);
});
