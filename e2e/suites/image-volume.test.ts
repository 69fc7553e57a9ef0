import { readFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import type { PartialContainer } from '../support/cri';
import { images } from '../support/fixtures';
import { berthOnly, restartable, useWorld } from '../support/suite';

const suite = useWorld();

type Mounts = NonNullable<PartialContainer['mounts']>;
const volume = (imageSubPath = '', image: string = images.volume): Mounts => [
  { containerPath: '/vol', image: { image }, imageSubPath },
];

// Debian's containerd is older than image volumes.
berthOnly('image volumes', () => {
  beforeAll(async () => {
    await suite.world.cri.pull(images.volume);
  });

  test('an image is mounted read-only, its programs can be run, and the status echoes what was asked for', async () => {
    const { world } = suite;
    const container = await world.start({ mounts: volume() });
    expect(await world.sh(container, 'cat /vol/data/kept; /vol/bin/echo from the volume')).toBe(
      'kept\nfrom the volume',
    );
    const { exitCode, stderr } = await world.cri.execSync(container.id, ['touch', '/vol/data/new']);
    expect([exitCode, stderr.toString()]).toEqual([1, expect.stringContaining('Read-only file system')]);
    const { mounts } = await world.cri.containerStatus(container.id);
    expect(mounts).toHaveLength(1);
    expect(mounts[0]).toMatchObject({ containerPath: '/vol', hostPath: '', image: { image: images.volume } });
  });

  test('a part of it: a folder, through a link inside, a file', async () => {
    const { world } = suite;
    for (const [part, script, output] of [
      ['data', 'ls /vol', 'kept'],
      ['inside', 'ls /vol', 'kept'],
      ['data/kept', 'cat /vol', 'kept'],
    ] as const) {
      expect(await world.sh(await world.start({ mounts: volume(part) }), script)).toBe(output);
    }
  });

  test.each(['absent', 'outside/hostname', '/../absent'])(
    '%s is no part of the image; the container leaves nothing',
    async (part) => {
      const { world } = suite;
      await expect(world.create({ mounts: volume(part) })).rejects.toMatchObject({
        code: status.NOT_FOUND,
        details: expect.stringContaining(`sub-path ${JSON.stringify(part)}`) as string,
      });
    },
  );

  test('a link of the image to the host’s own folder leads into the image', async () => {
    const { world } = suite;
    const container = await world.start({ mounts: volume('outside') });
    expect(await world.sh(container, 'ls /vol/of-the-image')).toBe('/vol/of-the-image');
  });

  test('what is asked for wrongly is named by its field', async () => {
    const { world } = suite;
    const refused = (mounts: Mounts, code: status, field: RegExp) =>
      expect(world.create({ mounts })).rejects.toMatchObject({ code, details: expect.stringMatching(field) as string });
    await refused(volume('', 'registry.e2e.test/absent:1'), status.NOT_FOUND, /config\.mounts\[0\].*absent:1/);
    await refused(
      [{ containerPath: '/vol', hostPath: '/', image: { image: images.volume } }],
      status.INVALID_ARGUMENT,
      /host_path/,
    );
  });

  test('a mount of no image is what its host path is, with the kubelet’s subPath beside it too', async () => {
    const { world } = suite;
    const container = await world.start({
      mounts: [{ containerPath: '/vol', hostPath: '/etc/hostname', imageSubPath: 'etc/hostname' }],
    });
    expect(await world.sh(container, 'cat /vol')).toBe((await readFile('/etc/hostname', 'utf8')).trim());
  });

  test('an image that a container has mounted stays until the container is removed, an exited one too', async () => {
    const { world } = suite;
    const { container } = await world.runToEnd('cat /vol/data/kept', { mounts: volume() });
    await expect(world.cri.removeImage(images.volume)).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    await world.cri.remove(container.id);
    await world.clear();
    await world.cri.removeImage(images.volume);
    expect(await world.cri.imageStatus(images.volume)).toBeUndefined();
    await world.cri.pull(images.volume);
  });

  test('a daemon that is killed finds the volume again, and takes it down with its container', async () => {
    const { world } = suite;
    const container = await world.start({
      mounts: [...volume(), { containerPath: '/part', image: { image: images.volume }, imageSubPath: 'data' }],
    });
    const daemon = await restartable(world);
    await daemon.kill();
    await daemon.launch();
    expect(await world.sh(container, 'cat /vol/data/kept /part/kept')).toBe('kept\nkept');
    await expect(world.cri.removeImage(images.volume)).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    await world.clear();
  });

  test('an OCI artifact is mounted as files that any user can read', async () => {
    const { world } = suite;
    await world.cri.pull(images.artifact);
    const mounts = volume('', images.artifact);
    const container = await world.start({ mounts, linux: { securityContext: { runAsUser: { value: 1234n } } } });
    expect(await world.sh(container, 'cat /vol/conf/model.json; wc -c </vol/weights.bin')).toBe('{"layers":1}1048576');
    const part = await world.start({ mounts: volume('conf/model.json', images.artifact) });
    expect(await world.sh(part, 'cat /vol')).toBe('{"layers":1}');
    await expect(world.cri.removeImage(images.artifact)).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    await world.clear();
    await world.cri.removeImage(images.artifact);
  });

  test('an image of 127 layers is a root, and a volume', async () => {
    const { world } = suite;
    await world.cri.pull(images.deep);
    const container = await world.start({ imageName: images.deep, mounts: volume('', images.deep) });
    expect(await world.sh(container, 'ls /deep | wc -l; cat /deep/last; ls /vol/deep | wc -l')).toBe('127\n125\n127');
    await world.clear();
    await world.cri.removeImage(images.deep);
  });
});
