import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { daemonKind } from '../support/environment';
import { images } from '../support/fixtures';
import { written } from '../support/kubelet-log';
import { berthTest, useWorld } from '../support/suite';
import type { Pod } from '../support/world';

const suite = useWorld();
let pod: Pod;
beforeAll(async () => {
  const { world } = suite;
  await world.cri.pull(images.app);
  pod = await world.runPod(world.podConfig({ host: true }));
});

const output = async (over: Parameters<typeof suite.world.start>[0]) => {
  const container = await suite.world.start({ command: [], ...over }, pod);
  await suite.world.exited(container.id);
  return written(await suite.world.logOf(container)).trim();
};

test('neither command nor args: entry point and default of the image', async () => {
  expect(await output({ imageName: images.app })).toBe('entry default');
});

test('args alone follow the entry point', async () => {
  expect(await output({ imageName: images.app, args: ['given', 'two words'] })).toBe('entry given two words');
});

test('a command replaces entry point and default', async () => {
  expect(await output({ imageName: images.app, command: ['echo', 'only'] })).toBe('only');
  expect(await output({ imageName: images.app, command: ['echo'], args: ['with', 'args'] })).toBe('with args');
});

test('environment: of the image, then of the request', async () => {
  const env = await output({
    imageName: images.app,
    command: ['env'],
    envs: [
      { key: 'BOTH', value: Buffer.from('request') },
      { key: 'EMPTY', value: Buffer.from('') },
    ],
  });
  expect(env.split('\n')).toEqual(expect.arrayContaining(['FROM_IMAGE=image', 'BOTH=request', 'EMPTY=', 'PATH=/bin']));
  expect(env).not.toContain('BOTH=image');
});

test('the image’s folder is made and used; the request’s wins', async () => {
  expect(await output({ imageName: images.app, command: ['pwd'] })).toBe('/work/dir');
  expect(await output({ imageName: images.app, command: ['pwd'], workingDir: '/tmp/new/dir' })).toBe('/tmp/new/dir');
});

test('the image’s user is used; the request’s wins', async () => {
  const ids = 'echo $(id -u):$(id -g)';
  const command = ['sh', '-c', ids];
  expect(await output({ imageName: images.app, command })).toBe('1000:1001');
  expect(await output({ command, linux: { securityContext: { runAsUsername: 'web' } } })).toBe('1002:1003');
  const numeric = { runAsUser: { value: 65534n }, runAsGroup: { value: 5n } };
  expect(await output({ command, linux: { securityContext: numeric } })).toBe('65534:5');
});

test('supplemental groups are those of the image’s file and of the request', async () => {
  const groups = await output({
    command: ['id', '-G'],
    linux: { securityContext: { runAsUsername: 'web', supplementalGroups: [1234n] } },
  });
  expect(groups.split(' ').sort()).toEqual(['1003', '1234', '1500']);
});

test('a user that the image does not have is refused', async () => {
  const unknown = { linux: { securityContext: { runAsUsername: 'stranger' } } };
  const details: unknown = daemonKind() === 'berth' ? expect.stringContaining('stranger') : expect.any(String);
  await expect(suite.world.start(unknown, pod)).rejects.toMatchObject({ details });
});

test('host folders and files are mounted, readonly where asked', async () => {
  const { world } = suite;
  const folder = join(world.dir, 'shared');
  await mkdir(folder);
  await writeFile(join(folder, 'file'), 'from the host\n');
  const container = await world.start(
    {
      mounts: [
        { hostPath: folder, containerPath: '/rw' },
        { hostPath: folder, containerPath: '/deep/er/ro', readonly: true },
        { hostPath: join(folder, 'file'), containerPath: '/etc/one-file' },
      ],
    },
    pod,
  );
  expect(await world.sh(container, 'cat /rw/file /deep/er/ro/file /etc/one-file')).toBe(
    'from the host\nfrom the host\nfrom the host',
  );
  await world.sh(container, 'echo from inside > /rw/made');
  expect(await readFile(join(folder, 'made'), 'utf8')).toBe('from inside\n');
  const refused = await world.cri.execSync(container.id, ['touch', '/deep/er/ro/x']);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr.toString()).toContain('Read-only file system');
});

// containerd 1.6 does not know the field.
berthTest('a mount has the options that restrict it', async () => {
  const { world } = suite;
  const folder = join(world.dir, 'restricted');
  await mkdir(folder);
  await writeFile(join(folder, 'program'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
  const mounts = [
    { hostPath: folder, containerPath: '/free' },
    { hostPath: folder, containerPath: '/bound', mountOptions: ['noexec', 'nodev', 'nosuid'] },
  ];
  const container = await world.start({ mounts }, pod);
  expect(await world.sh(container, '/free/program')).toBe('ran');
  const refused = await world.cri.execSync(container.id, ['sh', '-c', '/bound/program']);
  expect(refused.exitCode).toBe(126);
  const options = await world.sh(container, 'grep " /bound " /proc/self/mounts | cut -d " " -f 4');
  expect(options.split(',')).toEqual(expect.arrayContaining(['rw', 'noexec', 'nodev', 'nosuid']));
  const loosened = { mounts: [{ hostPath: folder, containerPath: '/bound', mountOptions: ['exec'] }] };
  await expect(world.start(loosened, pod)).rejects.toMatchObject({
    details: expect.stringContaining('mount_options') as string,
  });
});

test('a device is there with the permissions that were asked for', async () => {
  const { world } = suite;
  const devices = [{ hostPath: '/dev/null', containerPath: '/dev/other', permissions: 'rwm' }];
  const container = await world.start({ devices }, pod);
  expect(await world.sh(container, 'echo gone > /dev/other; cat /dev/other | wc -c')).toBe('0');
});

test('each container has a writable layer of its own', async () => {
  const { world } = suite;
  const first = await world.start({}, pod);
  const second = await world.start({}, pod);
  await world.sh(first, 'echo one > /data/kept; rm -r /opaque');
  expect(await world.sh(second, 'cat /data/kept; ls /opaque')).toBe('kept\nnew');
});

test('memory and cpu limits reach the cgroup', async () => {
  const { world } = suite;
  const resources = { memoryLimitInBytes: 64n << 20n, cpuPeriod: 100_000n, cpuQuota: 50_000n, cpuShares: 512n };
  const container = await world.start({ linux: { resources } }, pod);
  const paths = (await world.sh(container, 'cat /proc/self/cgroup')).split('\n').map((line) => line.split(':'));
  const memory = paths.find(([, controllers]) => controllers === 'memory');
  const file = memory
    ? `/sys/fs/cgroup/memory${await hostPath(container.id, 'memory')}/memory.limit_in_bytes`
    : `/sys/fs/cgroup${await hostPath(container.id, '')}/memory.max`;
  expect((await readFile(file, 'utf8')).trim()).toBe(String(64 << 20));
});

/** The cgroup of the container's init as the host names it. */
async function hostPath(id: string, controller: string): Promise<string> {
  const { info } = await suite.world.cri.containerStatusVerbose(id);
  const { pid } = JSON.parse(info['info'] ?? '{}') as { pid?: number };
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).split('\n').map((line) => line.split(':'));
  return lines.find(([, controllers]) => controllers === controller)?.[2] ?? '';
}
