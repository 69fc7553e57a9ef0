import { readFile } from 'node:fs/promises';
import { BerthError } from '../../src/base';
import { createdInTime, suspectSeccomp } from '../../src/containers/seccomp-suspect';
import { ContainerConfig, SecurityProfile_ProfileType as kind } from '../../src/wire';
import { Workspace } from '../runtime/support/bundle';
import { TestContainer } from '../runtime/support/container';
import { describeRuntimes } from '../runtime/support/runtimes';
import { until } from '../runtime/support/until';

const profile = '/var/lib/kubelet/seccomp/deny.json';
const under = (profileType: kind) => ({
  id: 'c',
  config: ContainerConfig.fromPartial({
    linux: { securityContext: { seccomp: { profileType, localhostRef: profile } } },
  }),
});
const named = {
  code: 'container-seccomp',
  message: expect.stringContaining(profile) as string,
  remedy: expect.stringMatching(/RuntimeDefault/) as string,
};
const error = (code: 'runtime-failed' | 'container-state' | 'monitor-lost', detail: string) =>
  new BerthError(code, { op: 'start', object: 'container c', detail });

test.each([
  ['runtime-failed', 'read from the init process'],
  ['container-state', 'it has ended before it was started'],
] as const)('a failure without words of its own is told with the profile: %s, %s', (code, detail) => {
  const silent = error(code, detail);
  expect(suspectSeccomp('StartContainer', under(kind.Localhost), silent)).toMatchObject(named);
  for (const other of [kind.RuntimeDefault, kind.Unconfined])
    expect(suspectSeccomp('StartContainer', under(other), silent)).toBe(silent);
});

test.each([
  ['runtime-failed', 'mkdir: no space left'],
  ['monitor-lost', 'it closed the connection'],
] as const)('a failure with words of its own stays what it is: %s, %s', (code, detail) => {
  const told = error(code, detail);
  expect(suspectSeccomp('StartContainer', under(kind.Localhost), told)).toBe(told);
});

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

describeRuntimes('a profile that kills whatever init calls', (runtime) => {
  test('ends in an error that names it, and nothing of the runtime is left', async () => {
    await using container = await TestContainer.launch(workspace, {
      args: ['sleep', '1000'],
      runtime,
      seccomp: { defaultAction: 'SCMP_ACT_KILL', architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'] },
    });
    const pid = container.process.pid ?? 0;
    // runc hangs, crun does not.
    const created = createdInTime(container.monitor, under(kind.Localhost), undefined, 2_000);
    await expect(created).rejects.toMatchObject(named);
    const children = () => readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
    await until(async () => (await children()).trim() === '');
  });
});
