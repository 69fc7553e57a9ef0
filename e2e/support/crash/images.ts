import { createCipheriv } from 'node:crypto';
import { layerOfTar, sha256, tarOf, type Entry, type Layer } from '../archive';
import { busyboxEntries } from '../fixtures';
import { blobOf, imageOf, type OciImage } from '../oci-image';
import type { RegistryContent } from '../registry';
import { treeOfEntries } from './tree';
import type { ExpectedLayer } from './whole';

export type KnownLayer = Layer & ExpectedLayer;

export interface KnownImage extends OciImage {
  readonly id: string;
  /** Without host and tag. */
  readonly repository: string;
  readonly layers: readonly KnownLayer[];
}

/** What the rounds pull and remove. */
export interface KnownImages {
  readonly all: readonly KnownImage[];
  readonly byId: ReadonlyMap<string, KnownImage>;
  /** Two images that take turns at one tag. */
  readonly moving: readonly [KnownImage, KnownImage];
  /** One that comes as an archive of an OCI layout, with its name in it. */
  readonly loaded: { readonly image: KnownImage; readonly archive: Buffer };
}

export const host = 'registry.e2e.test';
export const movingTag = `${host}/crash/moving:1`;

/** A layer before it is known what is below it. */
type Draft = Pick<ExpectedLayer, 'tree'> & { readonly layer: Layer };

const root: Entry = { name: './', type: 'directory' };
const mebi = 1024 * 1024;

/** Bytes that no compression makes fewer, the same for the same seed. */
function noise(seed: number, bytes: number): Buffer {
  const key = Buffer.alloc(16, seed);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

/** `whole` is what becomes of it over its parents, where that is more than what the archive names. */
async function draft(entries: readonly Entry[], whole: readonly Entry[] = entries): Promise<Draft> {
  return { layer: layerOfTar(await tarOf(entries), 'gzip', 1), tree: await treeOfEntries(whole) };
}

/** A large file and many small ones, with owners, modes, times, links and an attribute. */
function bulk(name: string, seed: number, size: number, files: number): Entry[] {
  return [
    root,
    { name: `${name}/`, type: 'directory', mode: 0o2750, uid: 1000 + seed, gid: 1000 },
    {
      name: `${name}/large`,
      body: noise(seed, size),
      mode: 0o640,
      pax: { 'SCHILY.xattr.user.berth': `large ${seed}` },
    },
    { name: `${name}/also-large`, type: 'link', linkname: `${name}/large` },
    { name: `${name}/soft`, type: 'symlink', linkname: 'large', mode: 0o777 },
    ...Array.from({ length: files }, (_, at): Entry => ({
      name: `${name}/${at}`,
      body: `${name} ${seed} ${at}\n`,
      uid: at % 7,
      mode: at % 2 === 0 ? 0o4755 : 0o600,
      mtime: new Date(1_600_000_000_000 + at * 1000),
    })),
  ];
}

function known(repository: string, drafts: readonly Draft[]): KnownImage {
  const image = imageOf(
    drafts.map(({ layer }) => layer),
    { Env: ['PATH=/bin'], Cmd: ['true'], Labels: { repository } },
  );
  let parent: string | undefined;
  const layers = drafts.map(({ layer, ...rest }) => {
    parent = parent === undefined ? layer.diffId : sha256(`${parent} ${layer.diffId}`);
    return { ...layer, ...rest, chainId: parent };
  });
  return { ...image, repository, layers, id: image.config.digest };
}

/** Makes the images and pushes them; `scale` is what large files are multiplied with. */
export async function pushKnownImages(registry: RegistryContent, scale = 1): Promise<KnownImages> {
  const busybox = await busyboxEntries();
  const size = (mebibytes: number) => Math.round(mebibytes * scale * mebi);
  const files = Math.round(400 * scale);
  const base = await draft([root, ...busybox]);
  const shared = await draft(bulk('shared', 1, size(16), files));
  const one = await draft(bulk('one', 2, size(8), files));
  const two = await draft(bulk('two', 3, size(24), files));
  const [left, right] = [await draft(bulk('left', 4, size(4), 10)), await draft(bulk('right', 5, size(4), 10))];
  const implied = await impliedParents(busybox, size(6));
  const linked = await linkedBelow(size(2));
  const covered = await coveredFolders();

  const moving = [
    known('crash/moving', [base, shared, left]),
    known('crash/moving', [base, shared, left, right]),
  ] as const;
  const loaded = known('crash/loaded', [base, shared, right]);
  const all = [
    known('crash/alone', [base]),
    known('crash/one', [base, shared, one]),
    known('crash/two', [base, shared, two, covered]),
    known('crash/completed', [base, shared, implied, linked]),
    known('crash/bulk', [two, base]),
    loaded,
    ...moving,
  ];
  for (const image of all) {
    await registry.push(image.repository, '1', image);
    // Under a tag that does not move, so that the registry keeps it.
    await registry.pushManifest(image.repository, image.id.slice('sha256:'.length), image.manifest);
  }
  const byId = new Map(all.map((image) => [image.id, image]));
  return { all, byId, moving, loaded: { image: loaded, archive: await ociArchive(loaded) } };
}

/** An archive that leaves out the parents: they get what the layers below have. */
async function impliedParents(busybox: readonly Entry[], size: number): Promise<Draft> {
  const [tmp, home, web] = ['tmp', 'home', 'home/web'].map((name) => busybox.find((entry) => entry.name === name));
  if (!tmp || !home || !web) throw new Error('busybox has tmp, home and home/web');
  const files: Entry[] = [
    { name: 'home/web/deep/er/file', body: noise(6, size), uid: 1002 },
    { name: 'tmp/kept', body: 'of a layer\n', mode: 0o444 },
  ];
  const made = ['home/web/deep', 'home/web/deep/er'].map((name): Entry => ({ name, type: 'directory' }));
  return draft([root, ...files, ...made], [root, tmp, home, web, ...files, ...made]);
}

/** A hard link to a file of a layer below: the file is copied up, and is in this layer by both its names. */
async function linkedBelow(size: number): Promise<Draft> {
  const own: Entry[] = [
    { name: 'linked/', type: 'directory', mode: 0o711 },
    { name: 'linked/own', body: noise(7, size) },
  ];
  const target = bulk('shared', 1, 0, 2).find(({ name }) => name === 'shared/1');
  const folder = bulk('shared', 1, 0, 0).find(({ name }) => name === 'shared/');
  if (!target || !folder) throw new Error('the shared layer has a file 1');
  const link: Entry = { name: 'linked/below', type: 'link', linkname: target.name };
  return draft(
    [root, ...own, link],
    [root, ...own, { ...target, name: 'linked/below' }, folder, { ...target, type: 'link', linkname: 'linked/below' }],
  );
}

/** Whiteouts of files of the layers below, and an opaque folder. */
async function coveredFolders(): Promise<Draft> {
  const opaque: Entry = { name: 'two/', type: 'directory', pax: { 'SCHILY.xattr.trusted.overlay.opaque': 'y' } };
  const shared = bulk('shared', 1, 0, 0).find(({ name }) => name === 'shared/');
  if (!shared) throw new Error('the shared layer has its folder');
  const fresh: Entry = { name: 'two/new', body: 'new\n' };
  return draft(
    [
      root,
      shared,
      { name: 'shared/.wh.0', body: '' },
      { name: 'two/', type: 'directory' },
      { name: 'two/.wh..wh..opq', body: '' },
      fresh,
    ],
    [root, shared, { name: 'shared/0', type: 'character-device' }, opaque, fresh],
  );
}

async function ociArchive({ layers, config, manifest, repository }: KnownImage): Promise<Buffer> {
  const described = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length };
  const annotations = { 'io.containerd.image.name': `${host}/${repository}:1` };
  const index = blobOf('application/vnd.oci.image.index.v1+json', {
    schemaVersion: 2,
    manifests: [{ ...described, annotations }],
  });
  return tarOf([
    { name: 'oci-layout', body: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'index.json', body: index.bytes },
    ...[...layers, config, manifest].map(({ digest, bytes }) => ({
      name: `blobs/sha256/${digest.slice('sha256:'.length)}`,
      body: bytes,
    })),
  ]);
}
