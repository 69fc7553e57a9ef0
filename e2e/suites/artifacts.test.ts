import { status } from '@grpc/grpc-js';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { present } from '../support/cri';
import { images } from '../support/fixtures';
import { berthOnly, daemonUnderTest, useWorld } from '../support/suite';

const suite = useWorld();

/** Names of all blobs and layers of the daemon; nothing where it is somebody else's. */
async function kept(): Promise<string[]> {
  const daemon = await daemonUnderTest();
  if (!daemon) return [];
  const folders = ['blobs/sha256', 'layers', 'staging'];
  const names = await Promise.all(folders.map((folder) => readdir(join(daemon.layout.root, folder))));
  return names.flat().sort();
}

/** Fails unless it all was there before: what others have removed may go meanwhile. */
async function expectNothingAdded(before: readonly string[]): Promise<void> {
  expect((await kept()).filter((name) => !before.includes(name))).toEqual([]);
}

berthOnly('an OCI artifact', () => {
  test('is pulled, listed and found like an image, by its manifest’s digest, and leaves nothing when it is removed', async () => {
    const { cri } = suite.world;
    const before = await kept();
    const id = await cri.pull(images.artifact);
    const image = present(await cri.imageStatus(images.artifact));
    expect(image).toMatchObject({
      id,
      repoTags: [images.artifact],
      repoDigests: [`registry.e2e.test/models/tiny@${id}`],
      size: 1024n * 1024n + 12n + 2n,
      uid: undefined,
      username: '',
      pinned: false,
      spec: { image: id, annotations: { 'org.opencontainers.image.created': '2024-01-01T00:00:00Z' } },
    });
    for (const name of [id, `registry.e2e.test/models/tiny@${id}`]) expect(await cri.imageStatus(name)).toEqual(image);
    expect(await cri.listImages()).toContainEqual(image);
    const { info } = await cri.imageStatusVerbose(id);
    expect(JSON.parse(info['info'] ?? '')).toMatchObject({ artifactType: 'application/vnd.example.model' });
    expect(await cri.pull(images.artifact)).toBe(id);
    await cri.removeImage(images.artifact);
    expect(await cri.imageStatus(id)).toBeUndefined();
    await expectNothingAdded(before);
  });

  test('is no image to run', async () => {
    const { world } = suite;
    const id = await world.cri.pull(images.artifact);
    for (const imageName of [images.artifact, id]) {
      await expect(world.create({ imageName })).rejects.toMatchObject({
        code: status.FAILED_PRECONDITION,
        details: expect.stringMatching(/artifact of type "application\/vnd\.example\.model".*image volume/) as string,
      });
    }
    await world.cri.removeImage(id);
  });

  test('whose file would be elsewhere is refused, and nothing is left', async () => {
    const before = await kept();
    await expect(suite.world.cri.pull(images.hostileArtifact)).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('"../../escaped" cannot be the name of a file') as string,
    });
    await expectNothingAdded(before);
  });
});
