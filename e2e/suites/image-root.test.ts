import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { present } from '../support/cri';
import { images } from '../support/fixtures';
import { spareDaemon } from '../support/spare-daemon';
import { berthOnly } from '../support/suite';

berthOnly('image.root', () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'berth-e2e-images-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const config = (more = '') => `[image]\nroot = "${folder}/store"\n${more}`;

  test('keeps images apart from containers, tells both file systems, and serves them again after a kill', async () => {
    await using spare = await spareDaemon({
      network: false,
      config: config('pinned_images = ["registry.e2e.test/app*"]\n'),
    });
    const { world, daemon } = spare;
    const { cri } = world;
    const { root } = daemon.layout;
    await cri.pull(images.busybox);
    await cri.pull(images.app);
    expect(present(await cri.imageStatus(images.app)).pinned).toBe(true);
    expect(present(await cri.imageStatus(images.busybox)).pinned).toBe(false);
    expect((await cri.listImages(images.app)).map((image) => image.pinned)).toEqual([true]);

    const { imageFilesystems, containerFilesystems } = await cri.imageFsInfo();
    expect([imageFilesystems, containerFilesystems].map((list) => list.map((fs) => fs.fsId?.mountpoint))).toEqual([
      [`${folder}/store`],
      [root],
    ]);
    for (const filesystem of [...imageFilesystems, ...containerFilesystems]) {
      expect(filesystem.timestamp).toBeGreaterThan(0n);
      expect(filesystem.inodesUsed).toBeDefined();
    }
    const used = async () => (await cri.imageFsInfo()).imageFilesystems[0]?.usedBytes?.value ?? 0n;
    const before = await used();
    await cri.pull(images.artifact);
    expect((await used()) - before).toBeGreaterThan(1024n * 1024n);
    await cri.removeImage(images.artifact);
    expect(await used()).toBe(before);

    expect((await readdir(root)).filter((name) => ['blobs', 'layers', 'staging'].includes(name))).toEqual([]);
    expect(await readdir(join(folder, 'store/layers'))).not.toEqual([]);
    const container = await world.start();
    expect(await world.sh(container, 'echo kept > /written; cat /written /data/kept')).toBe('kept\nkept');

    await spare.kill();
    await spare.launch();
    expect(await world.sh(container, 'cat /written')).toBe('kept');
    await world.cri.removeImage(images.app);
    expect(await world.cri.imageStatus(images.app)).toBeUndefined();
  });

  test('of one daemon is not another’s: it does not start, and says whose it is', async () => {
    await using first = await spareDaemon({ network: false, config: config() });
    await first.world.cri.pull(images.busybox);
    await expect(spareDaemon({ network: false, config: config() })).rejects.toThrow(
      new RegExp(`holds the images of the berth whose root is ${first.daemon.layout.root}`),
    );
    expect(await first.world.cri.imageStatus(images.busybox)).toBeDefined();
  });
});
