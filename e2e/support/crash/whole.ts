import { execFile } from 'node:child_process';
import { readdir, lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Image } from '../../../src/wire';
import type { Cri } from '../cri';
import type { Layout } from '../layout';
import { readTree, treeDifferences, type Tree } from './tree';

const execute = promisify(execFile);
const hexOf = (digest: string): string => digest.replace(/^.*sha256:/, '');

/** What has to be known of an image to tell whether it is whole. */
export interface ExpectedImage {
  readonly id: string;
  readonly manifest: { readonly digest: string };
  readonly layers: readonly ExpectedLayer[];
}

export interface ExpectedLayer {
  readonly digest: string;
  readonly chainId: string;
  /** What it is once it is unpacked. */
  readonly tree: Tree;
}

/**
 * Looks at the disk of a daemon that has just started, with nothing of berth's own: every image that it lists has to be
 * whole, and there may be nothing that no image needs. Gives one line for each thing that is wrong.
 */
export async function troubles(
  cri: Cri,
  { root }: Pick<Layout, 'root'>,
  byId: ReadonlyMap<string, ExpectedImage>,
): Promise<string[]> {
  const listed = await cri.listImages();
  const images = listed.flatMap((image) => byId.get(image.id) ?? []);
  const strange = listed.filter(({ id }) => !byId.has(id)).map(({ id }) => `an image that nobody pulled: ${id}`);
  const [staged, layers, blobs] = await Promise.all([
    readdir(join(root, 'staging')),
    readdir(join(root, 'layers')),
    readdir(join(root, 'blobs/sha256')),
  ]);
  return [
    ...strange,
    ...staged.map((name) => `left in staging: ${name}`),
    ...listed.flatMap(wrongNames),
    ...difference(
      'layer',
      new Set(images.flatMap((image) => image.layers.map(({ chainId }) => hexOf(chainId)))),
      layers,
    ),
    ...difference('blob', new Set(listed.flatMap((image) => blobsOf(image, byId.get(image.id)))), blobs),
    ...(await wrongBlobs(join(root, 'blobs/sha256'), blobs)),
    ...(await wrongTrees(join(root, 'layers'), images, new Set(layers))),
    ...(await wrongUsage(cri, root)),
  ];
}

/** An image whose tags have moved on keeps its digests. */
function wrongNames({ id, repoDigests, repoTags }: Image): string[] {
  return repoDigests.length + repoTags.length === 0 ? [`${id} has no name left`] : [];
}

function blobsOf({ repoDigests }: Image, known: ExpectedImage | undefined): string[] {
  if (!known) return [];
  const named = [known.id, known.manifest.digest, ...repoDigests, ...known.layers.map(({ digest }) => digest)];
  return named.map(hexOf);
}

function difference(kind: string, needed: ReadonlySet<string>, there: readonly string[]): string[] {
  const have = new Set(there);
  return [
    ...[...needed].filter((name) => !have.has(name)).map((name) => `an image lacks its ${kind} ${name}`),
    ...there.filter((name) => !needed.has(name)).map((name) => `no image needs the ${kind} ${name}`),
  ];
}

async function wrongBlobs(dir: string, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const { stdout } = await execute('sha256sum', names, { cwd: dir });
  return stdout.split('\n').flatMap((line) => {
    const [digest, name] = line.split(/ +/);
    return digest === name || name === undefined ? [] : [`the blob ${name} has the digest ${digest}`];
  });
}

async function wrongTrees(
  dir: string,
  images: readonly ExpectedImage[],
  there: ReadonlySet<string>,
): Promise<string[]> {
  const layers = new Map(images.flatMap((image) => image.layers.map((layer) => [hexOf(layer.chainId), layer])));
  const found: string[] = [];
  for (const [name, { tree }] of layers) {
    if (!there.has(name)) continue;
    const actual = await readTree(join(dir, name));
    found.push(...treeDifferences(tree, actual).map((line) => `the layer ${name} ${line}`));
  }
  return found;
}

/** ImageFsInfo against the disk: files by their sizes in blocks of 4 KiB, a block for each folder, the roots left out. */
async function wrongUsage(cri: Cri, root: string): Promise<string[]> {
  let bytes = 0;
  let inodes = 0;
  for (const name of await readdir(join(root, 'blobs/sha256'))) {
    bytes += (await lstat(join(root, 'blobs/sha256', name))).size;
    inodes++;
  }
  const seen = new Set<number>();
  const walk = async (dir: string): Promise<void> => {
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      const { ino, size } = await lstat(path);
      if (!seen.has(ino)) {
        inodes++;
        bytes += entry.isFile() ? Math.ceil(size / 4096) * 4096 : entry.isDirectory() ? 4096 : 0;
      }
      seen.add(ino);
      if (entry.isDirectory()) await walk(path);
    }
  };
  for (const name of await readdir(join(root, 'layers'))) await walk(join(root, 'layers', name));
  const [usage] = (await cri.imageFsInfo()).imageFilesystems;
  const [saidBytes, saidInodes] = [Number(usage?.usedBytes?.value), Number(usage?.inodesUsed?.value)];
  if (saidBytes === bytes && saidInodes === inodes) return [];
  return [`ImageFsInfo says ${saidBytes} bytes in ${saidInodes} inodes; there are ${bytes} in ${inodes}`];
}
