import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { BerthError, errnoOf } from '../base';
import { ifThere, onDisk, syncDir } from './disk';
import type { LayerTable } from './options';

/** In an image root that is not its berth's root: the path of that root. */
const ownerFile = 'berth-owner';
/** In a root whose images are, or were, elsewhere: the path of the image root that its records speak of. */
const placeFile = 'image-root';

const foldersOfRoot = ['meta', 'containers', 'exits'];
const foldersOfImages = ['blobs', 'layers', 'staging', 'empty'];

interface Claim {
  readonly root: string;
  readonly imageRoot: string;
  readonly layers: Pick<LayerTable, 'values'>;
}

/**
 * Makes sure that the image root is this berth's alone and holds what the records say, before anything in it is taken
 * for rubbish. The caller holds the lock of `root`; the owner's mark keeps berths of other roots out for good. Rejects
 * `config-invalid`.
 */
export async function claimImageRoot(claim: Claim): Promise<void> {
  await onDisk('open the storage', claim.imageRoot, async () => {
    for (const dir of [claim.root, claim.imageRoot]) await fs.mkdir(dir, { recursive: true });
    const root = await fs.realpath(claim.root);
    const imageRoot = await fs.realpath(claim.imageRoot);
    if (root !== imageRoot) await refuseNested(root, imageRoot);
    const owner = await ownerOf(imageRoot);
    if (owner !== undefined && owner !== root) throw ownedBy(imageRoot, imageRoot, owner);
    const place = (await textOf(path.join(root, placeFile))) ?? root;
    if (place !== imageRoot || (root !== imageRoot && owner === undefined)) {
      await refuseMoved({ root, imageRoot, place, layers: claim.layers });
    }
    if (root !== imageRoot && owner === undefined) await writeOwner(root, imageRoot);
    if (place !== imageRoot) await writePlace(root, imageRoot);
  });
}

/** Folders of one berth inside those of another would be taken for rubbish by it, or by both. */
async function refuseNested(root: string, imageRoot: string): Promise<void> {
  const inside = (folder: string, names: readonly string[], dir: string) =>
    names.find((name) => `${folder}/`.startsWith(`${path.join(dir, name)}/`));
  const own =
    inside(imageRoot, [...foldersOfRoot, ...foldersOfImages], root) ?? inside(root, foldersOfImages, imageRoot);
  if (own !== undefined) throw invalid(imageRoot, `it and the root ${root} lie in each other's folder ${own}`);
  for (let dir = imageRoot; ; dir = path.dirname(dir)) {
    const owner = await ownerOf(dir);
    if (owner !== undefined && owner !== root) throw ownedBy(imageRoot, dir, owner);
    const state = dir === root ? undefined : await ifThere(fs.lstat(path.join(dir, 'meta', 'data.mdb')));
    if (state) throw invalid(imageRoot, `${dir} is the root of another berth`);
    if (dir === path.dirname(dir)) return;
  }
}

/** Layers that are not where the records have them would be forgotten, and deleted where they are found again. */
async function refuseMoved({ root, imageRoot, place, layers }: Claim & { readonly place: string }): Promise<void> {
  const recorded = [...layers.values()].map(({ chainId }) => chainId.replace('sha256:', ''));
  const there = new Set((await ifThere(fs.readdir(path.join(imageRoot, 'layers')))) ?? []);
  const missing = recorded.filter((name) => !there.has(name)).length;
  if (missing === 0) return;
  const moved = place !== imageRoot;
  const why = moved ? `before, it was ${place}` : 'it does not bear the mark of this berth: is its disk mounted?';
  const anew = [
    ...(root === imageRoot ? [] : [`echo ${root} > ${path.join(imageRoot, ownerFile)}`]),
    `echo ${imageRoot} > ${path.join(root, placeFile)}`,
  ];
  throw invalid(
    imageRoot,
    `${missing} of ${recorded.length} layers that images need are not in it; ${why}`,
    `${moved ? `move blobs and layers of ${place} there, or set the key back` : 'mount it'}; to go on without them and ` +
      `pull the images again: ${anew.join('; ')}`,
  );
}

function ownerOf(dir: string): Promise<string | undefined> {
  return textOf(path.join(dir, ownerFile));
}

async function textOf(file: string): Promise<string | undefined> {
  return (await ifThere(fs.readFile(file, 'utf8')))?.trim();
}

/** The mark is there whole or not at all, and of two that claim a folder at once only one gets it. */
async function writeOwner(root: string, imageRoot: string): Promise<void> {
  const staged = await writeStaged(imageRoot, root);
  try {
    await fs.link(staged, path.join(imageRoot, ownerFile));
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    throw ownedBy(imageRoot, imageRoot, (await ownerOf(imageRoot)) ?? 'another root');
  } finally {
    await fs.rm(staged);
  }
  await syncDir(imageRoot);
}

async function writePlace(root: string, imageRoot: string): Promise<void> {
  await fs.rename(await writeStaged(root, imageRoot), path.join(root, placeFile));
  await syncDir(root);
}

async function writeStaged(dir: string, text: string): Promise<string> {
  const staged = path.join(dir, `.berth-${randomUUID()}`);
  await using file = await fs.open(staged, 'wx', 0o644);
  await file.writeFile(`${text}\n`);
  await file.sync();
  return staged;
}

function ownedBy(imageRoot: string, dir: string, owner: string): BerthError {
  const remedy = `use another folder; if the berth of ${owner} is no more, remove ${path.join(dir, ownerFile)}`;
  return invalid(imageRoot, `${dir} holds the images of the berth whose root is ${owner}`, remedy);
}

function invalid(imageRoot: string, detail: string, remedy?: string): BerthError {
  const object = `image.root ${imageRoot}`;
  return new BerthError('config-invalid', { op: 'open the storage', object, detail, ...(remedy ? { remedy } : {}) });
}
