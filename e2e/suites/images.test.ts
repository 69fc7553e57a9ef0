import { images } from '../support/fixtures';
import { berthTest, useWorld } from '../support/suite';
import { present } from '../support/cri';
import { until } from '../support/wait';
import { status } from '@grpc/grpc-js';

const suite = useWorld();
const digestOf = (reference: string) => reference.slice(reference.indexOf('@') + 1);

test('a pull gives the identifier that every later answer uses', async () => {
  const { cri } = suite.world;
  const id = await cri.pull(images.app);
  const image = present(await cri.imageStatus(images.app));
  expect(image.id).toBe(id);
  expect(image.repoTags).toEqual([images.app]);
  expect(image.repoDigests).toHaveLength(1);
  expect(image.repoDigests[0]).toMatch(/^registry\.e2e\.test\/app@sha256:[0-9a-f]{64}$/);
  expect(image.size).toBeGreaterThan(500_000n);
});

test('an image is found by tag, by id and by digest', async () => {
  const { cri } = suite.world;
  const id = await cri.pull(images.app);
  const byTag = present(await cri.imageStatus(images.app));
  expect(await cri.imageStatus(id)).toEqual(byTag);
  expect(await cri.imageStatus(present(byTag.repoDigests[0]))).toEqual(byTag);
});

test('a pull by digest has no tag and exactly that digest', async () => {
  const { cri } = suite.world;
  await cri.pull(images.named);
  const byTag = present(await cri.imageStatus(images.named));
  await cri.removeImage(images.named);
  const reference = present(byTag.repoDigests[0]);
  await cri.pull(reference);
  expect(present(await cri.imageStatus(reference))).toMatchObject({
    id: byTag.id,
    repoTags: [],
    repoDigests: [reference],
  });
  await cri.removeImage(reference);
  expect(await cri.imageStatus(reference)).toBeUndefined();
});

test('numeric and named users are told apart', async () => {
  const { cri } = suite.world;
  await cri.pull(images.app);
  await cri.pull(images.named);
  expect(present(await cri.imageStatus(images.app))).toMatchObject({ uid: { value: 1000n }, username: '' });
  expect(present(await cri.imageStatus(images.named))).toMatchObject({ uid: undefined, username: 'web' });
  await cri.removeImage(images.named);
});

test('one image under two names is one image with two tags', async () => {
  const { cri } = suite.world;
  const id = await cri.pull(images.busybox);
  expect(await cri.pull(images.busyboxAlias)).toBe(id);
  const image = present(await cri.imageStatus(id));
  expect([...image.repoTags].sort()).toEqual([images.busybox, images.busyboxAlias].sort());
  expect((await cri.listImages()).filter((other) => other.id === id)).toHaveLength(1);
});

// containerd 1.6 takes no notice of the filter.
berthTest('List gives all, and with a filter one', async () => {
  const { cri } = suite.world;
  const id = await cri.pull(images.app);
  expect((await cri.listImages()).map((image) => image.id)).toContain(id);
  expect((await cri.listImages(images.app)).map((image) => image.id)).toEqual([id]);
  expect(await cri.listImages('registry.e2e.test/not-there:1')).toEqual([]);
});

test('removing one tag removes the image; removing what is gone is success', async () => {
  const { cri } = suite.world;
  await cri.pull(images.named);
  await cri.removeImage(images.named);
  expect(await cri.imageStatus(images.named)).toBeUndefined();
  await cri.removeImage(images.named);
});

test('removal by id takes an image with all its names', async () => {
  const { cri } = suite.world;
  const id = await cri.pull(images.named);
  const [digest] = present(await cri.imageStatus(images.named)).repoDigests;
  await cri.pull(present(digest));
  await cri.removeImage(id);
  for (const name of [id, images.named, present(digest)]) expect(await cri.imageStatus(name)).toBeUndefined();
});

// containerd takes all names with the one that is given.
berthTest('removal of a tag leaves the image to its other tags, and a removed digest is no name any more', async () => {
  const { cri } = suite.world;
  const id = await cri.pull(images.busybox);
  await cri.pull(images.busyboxAlias);
  await cri.removeImage(images.busyboxAlias);
  const image = present(await cri.imageStatus(id));
  expect(image.repoTags).toEqual([images.busybox]);
  expect(image.repoDigests.every((name) => name.startsWith('docker.io/library/busybox@'))).toBe(true);
  const digest = present(image.repoDigests[0]);
  await cri.removeImage(digest);
  expect(await cri.imageStatus(digest)).toBeUndefined();
  expect(present(await cri.imageStatus(id)).repoTags).toEqual([images.busybox]);
});

test('five simultaneous removals succeed', async () => {
  const { cri } = suite.world;
  await cri.pull(images.named);
  await Promise.all(Array.from({ length: 5 }, () => cri.removeImage(images.named)));
  expect(await cri.imageStatus(images.named)).toBeUndefined();
});

test('five simultaneous pulls give the same id', async () => {
  const { cri } = suite.world;
  await cri.removeImage(images.named);
  const ids = await Promise.all(Array.from({ length: 5 }, () => cri.pull(images.named)));
  expect(new Set(ids).size).toBe(1);
  await cri.removeImage(images.named);
});

test('a missing image is an empty success of ImageStatus', async () => {
  expect(await suite.world.cri.imageStatus('registry.e2e.test/not-there:1')).toBeUndefined();
});

test('a mirror serves what the registry itself does not', async () => {
  const { cri } = suite.world;
  const name = 'mirrored.e2e.test/named:1';
  const id = await cri.pull(name);
  expect(present(await cri.imageStatus(name))).toMatchObject({ id, repoTags: [name] });
  await cri.removeImage(name);
});

test('a short name is of docker.io', async () => {
  const { cri } = suite.world;
  const id = await cri.pull('busybox:e2e');
  expect(present(await cri.imageStatus('busybox:e2e')).id).toBe(id);
  expect(present(await cri.imageStatus(images.busybox)).id).toBe(id);
});

test('a deadline that has passed is DEADLINE_EXCEEDED', async () => {
  await expect(suite.world.cri.pull(images.named, undefined, { deadlineMs: 1 })).rejects.toMatchObject({
    code: status.DEADLINE_EXCEEDED,
  });
  await suite.world.cri.removeImage(images.named);
});

test('ImageFsInfo names a folder of images that uses space', async () => {
  const filesystem = await until('the images to be counted', async () => {
    const [first] = (await suite.world.cri.imageFsInfo()).imageFilesystems;
    return first?.usedBytes !== undefined && first.usedBytes.value > 0n && first;
  });
  expect(filesystem.fsId?.mountpoint).toMatch(/^\//);
  expect(filesystem.timestamp).toBeGreaterThan(0n);
});

test('layers are applied in order, with whiteouts and opaque folders', async () => {
  const container = await suite.world.start();
  expect(await suite.world.sh(container, 'ls /data')).toBe('kept\nsoft');
  expect(await suite.world.sh(container, 'ls /opaque')).toBe('new');
  expect(await suite.world.sh(container, 'cat /data/soft')).toBe('kept');
  expect(await suite.world.sh(container, 'stat -c %a /tmp /root')).toBe('1777\n700');
});

berthTest('a hardlink reaches into the layer below', async () => {
  const { world } = suite;
  await world.cri.pull(images.hardlink);
  const container = await world.start({ imageName: images.hardlink });
  expect(await world.sh(container, 'cat /data/hard')).toBe('kept');
});

berthTest('the digest of the index and that of the manifest lead to the same image', async () => {
  const { cri } = suite.world;
  const id = await cri.pull(images.busybox);
  const image = present(await cri.imageStatus(images.busybox));
  for (const reference of image.repoDigests) {
    expect(digestOf(reference)).toMatch(/^sha256:/);
    expect(present(await cri.imageStatus(reference)).id).toBe(id);
  }
});
