import { access, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveDevices } from '../../src/containers/devices';
import { Deadline } from '../../src/containers/deadline';
import { containerExit, exitCodeOf } from '../../src/containers/exit';
import { journalFields } from '../../src/containers/journal-fields';
import { logPathOf } from '../../src/containers/log-path';
import { pidNamespace } from '../../src/containers/pid-namespace';
import type { ExitRecord } from '../../src/runtime';
import type { ContainerRecord, Table } from '../../src/state';
import { ContainerConfig, NamespaceMode, PodSandboxConfig } from '../../src/wire';
import { containerRecord, podRecord } from '../cri/support/records';
import { Ground, untilTerm } from './support/ground';

const exitRecord: ExitRecord = {
  status: { kind: 'exited', code: 0 },
  startedAt: 1n,
  finishedAt: 2n,
  oom: 'no',
  bytesLogged: 0n,
  bytesDropped: 0n,
};

test('ends in words of CRI: never a code that nobody saw, OOMKilled only where the kernel said so', () => {
  expect(exitCodeOf({ kind: 'signaled', signal: 9 })).toBe(137);
  expect(containerExit(exitRecord)).toEqual({ exitCode: 0, reason: 'Completed', message: '', finishedAt: 2n });
  expect(containerExit({ ...exitRecord, status: { kind: 'exited', code: 3 } })).toMatchObject({ reason: 'Error' });
  const oom = { ...exitRecord, status: { kind: 'signaled', signal: 9 }, oom: 'counted' } as const;
  expect(containerExit(oom)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
  const unknown = { ...exitRecord, status: { kind: 'unknown', reason: 'why' } } as const;
  expect(containerExit(unknown)).toMatchObject({ exitCode: 255, reason: 'Unknown', message: 'why' });
  expect(containerExit({ ...exitRecord, bytesDropped: 5n }).message).toMatch(/5 bytes/);
});

test('journald is told which container of which pod has written', () => {
  const metadata = { name: 'web', namespace: 'shop', uid: 'u-1', attempt: 0 };
  const config = ContainerConfig.fromPartial({ metadata: { name: 'nginx', attempt: 2 } });
  expect(journalFields('0123456789abcdef', PodSandboxConfig.fromPartial({ metadata }), config)).toEqual({
    CONTAINER_ID: '0123456789ab',
    CONTAINER_ID_FULL: '0123456789abcdef',
    CONTAINER_NAME: 'k8s_nginx_web_shop_u-1_2',
    POD_NAME: 'web',
    POD_NAMESPACE: 'shop',
    SYSLOG_IDENTIFIER: 'nginx',
  });
});

test('a deadline can be brought forward, not put off, and a promise that comes first wins', async () => {
  const never = new Promise<void>(() => undefined);
  const deadline = new Deadline(60_000);
  const over = deadline.race(never);
  deadline.shorten(120_000);
  deadline.shorten(5);
  await expect(over).resolves.toBe(false);
  await expect(new Deadline(60_000).race(Promise.resolve())).resolves.toBe(true);
  await expect(new Deadline(60_000).race(Promise.reject(new Error('told')))).rejects.toThrow('told');
});

describe('the log path', () => {
  const of = (logDirectory: string, logPath: string) =>
    logPathOf(PodSandboxConfig.fromPartial({ logDirectory }), ContainerConfig.fromPartial({ logPath }));

  test('is below the log directory', () => {
    expect(of('/var/log/p', 'c/0.log')).toBe('/var/log/p/c/0.log');
    expect(of('/var/log/p', '')).toBe('');
    expect(of('', 'c.log')).toBe('');
  });

  test.each(['../x', '/etc/x', 'a/../../x', '..', '.', 'a/..', 'folder/'])('%s is refused', (path) => {
    expect(() => of('/var/log/p', path)).toThrow(/not a file below log_directory/);
  });

  test('a name or a path that the kernel does not take is refused', () => {
    expect(() => of('/var/log/p', 'n'.repeat(256))).toThrow(/config\.log_path.*more than 255 bytes/);
    expect(() => of('/var/log/p', 'd/'.repeat(2100) + 'x')).toThrow(/config\.log_path.*4095 bytes/);
  });

  test('a log directory that is not absolute is refused', () => {
    expect(() => of('log', 'c.log')).toThrow(/absolute/);
  });

  test('a link below the log directory leads nowhere outside it', async () => {
    const ground = await Ground.create();
    const outside = await mkdtemp(join(tmpdir(), 'bl-'));
    try {
      const logDirectory = join(ground.dir, 'logs');
      await mkdir(logDirectory);
      await symlink(outside, join(logDirectory, 'out'));
      const pod = await ground.pod({ logDirectory });
      // Refused or written inside, but never outside.
      await ground.container(pod, untilTerm, { logPath: 'out/deep/0.log' }).catch(() => undefined);
      await expect(access(join(outside, 'deep'))).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(access(join(outside, '0.log'))).rejects.toMatchObject({ code: 'ENOENT' });
    } finally {
      await ground.dispose();
      await rm(outside, { recursive: true });
    }
  });
});

describe('devices', () => {
  const of = (hostPath: string, permissions = 'rw') =>
    resolveDevices(ContainerConfig.fromPartial({ devices: [{ hostPath, containerPath: '/dev/x', permissions }] }), []);

  test('a node is given with its numbers under the name in the container', async () => {
    await expect(of('/dev/null')).resolves.toEqual([
      expect.objectContaining({ path: '/dev/x', type: 'c', major: 1, minor: 3, access: 'rw' }),
    ]);
  });

  test.each(['../..', 'dev/null', ''])('the relative path %j is refused, whatever lies there', async (path) => {
    await expect(of(path)).rejects.toMatchObject({ code: 'argument-invalid', detail: 'its host_path is not absolute' });
  });

  test('what every container has gives way at the same path, and to all of the host’s', async () => {
    const additional = [
      { hostPath: '/dev/zero', containerPath: '/dev/x', permissions: 'rwm' },
      { hostPath: '/dev/full', containerPath: '/dev/y', permissions: 'r' },
    ];
    const devices = [{ hostPath: '/dev/null', containerPath: '/dev/x', permissions: 'rw' }];
    const nodes = await resolveDevices(ContainerConfig.fromPartial({ devices }), additional);
    expect(nodes.map(({ path, minor, access }) => [path, minor, access])).toEqual([
      ['/dev/x', 3, 'rw'],
      ['/dev/y', 7, 'r'],
    ]);
    const linux = { securityContext: { privileged: true } };
    const all = await resolveDevices(ContainerConfig.fromPartial({ linux }), additional);
    expect(all.some(({ path }) => path === '/dev/y')).toBe(false);
  });

  test.each([
    ['/etc/passwd', 'rw', /no device/],
    ['/dev/no-such', 'rw', /ENOENT/],
    ['/usr', 'rw', /no folder of devices/],
    ['/dev/null', 'rwx', /not made of r, w and m/],
  ])('%s with %s is refused', async (path, permissions, message) => {
    await expect(of(path, permissions)).rejects.toThrow(message);
  });
});

describe('the pid namespace', () => {
  const target = containerRecord({ id: 'aa', sandboxId: 'p', init: { pid: 42, startTime: 1n } });
  const table = { get: (id: string) => (id === 'aa' ? target : undefined) } as Table<ContainerRecord>;
  /** Every process of this machine was started at tick 1. */
  const kernel = { identify: async (pid: number) => ({ pid, startTime: 1n }) };
  const of = (pid: NamespaceMode, pod: Partial<Parameters<typeof podRecord>[0]> = {}, targetId = '') =>
    pidNamespace(
      kernel,
      ContainerConfig.fromPartial({ linux: { securityContext: { namespaceOptions: { pid, targetId } } } }),
      podRecord({ id: 'p', ...pod }),
      table,
    );

  test('is the one that the mode names', async () => {
    expect(await of(NamespaceMode.CONTAINER)).toEqual({ kind: 'container' });
    expect(await of(NamespaceMode.NODE)).toEqual({ kind: 'host' });
    expect(await of(NamespaceMode.POD, { infra: { pid: 7, startTime: 1n } })).toEqual({
      kind: 'path',
      path: '/proc/7/ns/pid',
    });
    expect(await of(NamespaceMode.TARGET, {}, 'aa')).toEqual({ kind: 'path', path: '/proc/42/ns/pid' });
  });

  test('a target of another pod, or none, is refused', async () => {
    await expect(of(NamespaceMode.TARGET, { id: 'other' }, 'aa')).rejects.toThrow(
      /not a running container of this pod/,
    );
    await expect(of(NamespaceMode.TARGET, {}, 'bb')).rejects.toThrow(/not a running container of this pod/);
  });

  test('a pause whose pid another process has by now is not joined', async () => {
    const infra = { pid: 7, startTime: 99n };
    await expect(of(NamespaceMode.POD, { infra })).rejects.toThrow(
      /the process that holds its PID namespace has ended/,
    );
  });
});
