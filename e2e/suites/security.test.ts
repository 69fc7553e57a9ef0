import { readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { NamespaceMode, SecurityProfile_ProfileType, type LinuxContainerSecurityContext } from '../../src/wire';
import { rejection } from '../support/matchers';
import { berthTest, useWorld } from '../support/suite';
import type { Pod } from '../support/world';

const suite = useWorld();
let pod: Pod;
beforeAll(async () => {
  pod = await suite.world.runPod(suite.world.podConfig({ host: true }));
});

const withContext = (securityContext: Partial<LinuxContainerSecurityContext>) =>
  suite.world.start({ linux: { securityContext } }, pod);
const statusField = async (container: { id: string }, field: string) =>
  (await suite.world.sh(container, `grep ^${field}: /proc/1/status`)).split(/\s+/)[1] ?? '';
const has = (mask: string, capability: number) => ((BigInt(`0x${mask}`) >> BigInt(capability)) & 1n) === 1n;
const capability = { chown: 0, kill: 5, netBindService: 10, netAdmin: 12, sysAdmin: 21, sysTime: 25 };

test('a container has the default capabilities and no inheritable or ambient ones', async () => {
  const container = await withContext({});
  const effective = await statusField(container, 'CapEff');
  expect(has(effective, capability.chown)).toBe(true);
  expect(has(effective, capability.kill)).toBe(true);
  expect(has(effective, capability.netAdmin)).toBe(false);
  expect(has(effective, capability.sysAdmin)).toBe(false);
  expect(await statusField(container, 'CapAmb')).toMatch(/^0+$/);
  expect(await statusField(container, 'CapInh')).toMatch(/^0+$/);
});

test('capabilities are added and dropped, ALL first', async () => {
  const both = await withContext({
    capabilities: { addCapabilities: ['NET_ADMIN'], dropCapabilities: ['KILL'], addAmbientCapabilities: [] },
  });
  const effective = await statusField(both, 'CapEff');
  expect(has(effective, capability.netAdmin)).toBe(true);
  expect(has(effective, capability.kill)).toBe(false);

  const only = await withContext({
    capabilities: { addCapabilities: ['NET_BIND_SERVICE'], dropCapabilities: ['ALL'], addAmbientCapabilities: [] },
  });
  expect(BigInt(`0x${await statusField(only, 'CapEff')}`)).toBe(1n << BigInt(capability.netBindService));
});

test('a privileged container has what the host’s root has and sees no mask', async () => {
  const { world } = suite;
  const linux = { securityContext: { privileged: true } };
  const privileged = await world.runPod(world.podConfig({ host: true, linux }));
  const container = await world.start({ linux }, privileged);
  const effective = await statusField(container, 'CapEff');
  expect(has(effective, capability.sysAdmin)).toBe(true);
  expect(has(effective, capability.sysTime)).toBe(true);
  expect(await statusField(container, 'Seccomp')).toBe('0');
});

test('a readonly root file system refuses writes in the words of the kernel', async () => {
  const container = await withContext({ readonlyRootfs: true });
  const { exitCode, stderr } = await suite.world.cri.execSync(container.id, ['touch', '/made']);
  expect(exitCode).not.toBe(0);
  expect(stderr.toString()).toContain('Read-only file system');
});

test('masked and readonly paths are those of the request', async () => {
  const { world } = suite;
  const container = await withContext({ maskedPaths: ['/proc/timer_list', '/data'], readonlyPaths: ['/proc/sys'] });
  expect(await world.sh(container, 'ls /data | wc -l')).toBe('0');
  const { stderr } = await world.cri.execSync(container.id, ['sh', '-c', 'echo 1 > /proc/sys/kernel/domainname']);
  expect(stderr.toString()).toContain('Read-only file system');
});

test('the default seccomp profile filters, and refuses a new namespace', async () => {
  const { world } = suite;
  const profile = { profileType: SecurityProfile_ProfileType.RuntimeDefault, localhostRef: '' };
  const container = await withContext({ seccomp: profile });
  expect(await statusField(container, 'Seccomp')).toBe('2');
  expect((await world.cri.execSync(container.id, ['unshare', '-U', 'true'])).exitCode).not.toBe(0);
});

berthTest.each(['SCMP_ACT_ERRNO', 'SCMP_ACT_KILL_PROCESS'])(
  'a profile under which no process can start (%s) is named, with FAILED_PRECONDITION',
  async (defaultAction) => {
    const { world } = suite;
    const localhostRef = join(world.dir, `${defaultAction}.json`);
    await writeFile(localhostRef, JSON.stringify({ defaultAction }));
    const profile = { profileType: SecurityProfile_ProfileType.Localhost, localhostRef };
    const error = await rejection(withContext({ seccomp: profile }));
    expect(error).toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(error.details).toContain(localhostRef);
    expect(error.details).toMatch(/allow what the OCI runtime calls/);
  },
);

test('an unconfined container has no seccomp filter', async () => {
  const profile = { profileType: SecurityProfile_ProfileType.Unconfined, localhostRef: '' };
  expect(await statusField(await withContext({ seccomp: profile }), 'Seccomp')).toBe('0');
});

test('no_new_privs is set when it is asked for', async () => {
  expect(await statusField(await withContext({ noNewPrivs: true }), 'NoNewPrivs')).toBe('1');
  expect(await statusField(await withContext({ noNewPrivs: false }), 'NoNewPrivs')).toBe('0');
});

test('the host’s PID namespace is shared when it is asked for', async () => {
  const { world } = suite;
  const namespaceOptions = { network: NamespaceMode.NODE, pid: NamespaceMode.NODE, ipc: NamespaceMode.NODE };
  const sharing = await world.runPod(world.podConfig({ linux: { securityContext: { namespaceOptions } } }));
  const container = await world.start({}, sharing);
  expect(await world.sh(container, 'readlink /proc/self/ns/pid')).toBe(await readlink('/proc/self/ns/pid'));
  expect(await world.sh(container, 'readlink /proc/self/ns/ipc')).toBe(await readlink('/proc/self/ns/ipc'));
});

test('a container has a PID namespace of its own otherwise', async () => {
  expect(await suite.world.sh(await withContext({}), 'cat /proc/1/comm')).toBe('sleep');
});
