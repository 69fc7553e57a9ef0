import { Workspace } from '../support/bundle';
import { TestContainer } from '../support/container';
import { describeRuntimes } from '../support/runtimes';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(() => workspace[Symbol.asyncDispose]());

describeRuntimes('memory in which no process can start', (runtime) => {
  test('is told as that, in the runtime’s own words', async () => {
    await using container = await TestContainer.launch(workspace, { args: ['true'], runtime, memoryBytes: 4096 });
    await expect(container.monitor.created()).rejects.toMatchObject({
      code: 'container-memory',
      status: 'FAILED_PRECONDITION',
      detail: expect.stringMatching(/memory/i) as string,
    });
    await container.left();
  });
});
