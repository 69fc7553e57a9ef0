import { chmod, chown, stat } from 'node:fs/promises';
import { processOf, Workspace } from '../support/bundle';
import { TestContainer } from '../support/container';
import { describeRuntimes } from '../support/runtimes';

/** A user that owns nothing on the node. */
const uid = 12345;

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(() => workspace[Symbol.asyncDispose]());

async function nodesNull(): Promise<object> {
  const { uid: owner, gid, mode } = await stat('/dev/null');
  return { owner, gid, mode: mode & 0o777 };
}

const untouched = { owner: 0, gid: 0, mode: 0o666 };

// crun 1.8 makes the container's user the owner of what it is given as stdio, devices too.
describeRuntimes('the node’s /dev/null stays root’s', (runtime) => {
  afterEach(async () => {
    await chown('/dev/null', 0, 0);
    await chmod('/dev/null', 0o666);
  });

  test.each([false, true])('where a container and its execs have another user; terminal: %s', async (tty) => {
    expect(await nodesNull()).toEqual(untouched);
    await using container = await TestContainer.start(workspace, { args: ['sleep', '1000'], runtime, uid, tty });
    expect(await nodesNull()).toEqual(untouched);
    const process = processOf(['id', '-u'], tty, uid);
    expect((await container.exec([], { process, tty })).stdout.trim()).toBe(`${uid}`);
    expect(await nodesNull()).toEqual(untouched);
  });

  test('and stdin is at its end: in a container, and in an exec', async () => {
    const script = 'test -c /proc/self/fd/0 && echo device; cat; echo end; exec sleep 1000';
    await using container = await TestContainer.start(workspace, { args: ['sh', '-c', script], runtime, uid });
    const exec = await container.exec([], {
      process: processOf(['sh', '-c', script.replace(/; exec.*/, '')], false, uid),
    });
    expect(exec.stdout).toBe('device\nend\n');
    await container.monitor.signal(9);
    await container.exited();
    expect(await container.log()).toEqual(['stdout F device', 'stdout F end']);
    expect(await nodesNull()).toEqual(untouched);
  });
});
