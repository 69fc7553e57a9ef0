import path from 'node:path';
import zlib from 'node:zlib';
import type { Damage, LayerSource } from '../../../src/storage';
import { sourcesOf, type Opened } from '../support/open';
import { dir, file, hardlink, symlink, tar, type Entry } from '../support/tar';

/** An archive and its compressed form. */
export function layer(...entries: Entry[]): { readonly blob: Buffer; readonly tar: Buffer } {
  const archive = tar(entries);
  return { blob: zlib.gzipSync(archive), tar: archive };
}

/** A base with everything that damage can be done to. */
export const base = layer(
  dir('.'),
  dir('etc', { mtime: 1_500_000_000 }),
  file('etc/hosts', 'localhost\n', { pax: { mtime: '1500000000.123456789', 'SCHILY.xattr.user.key': 'value' } }),
  file('etc/passwd', 'root:x:0:0\n', { mode: 0o600 }),
  dir('usr'),
  dir('usr/lib'),
  file('usr/lib/libc', 'x'.repeat(300_000)),
  symlink('lib', 'usr/lib'),
  hardlink('usr/lib/libc.so', 'usr/lib/libc'),
  { name: 'null', type: '3', dev: [1, 3] },
  { name: 'pipe', type: '6' },
  dir('tmp', { mode: 0o1777 }),
  dir('opt'),
  file('opt/old', 'old'),
);

/** One image of all that is easily taken for damage: each layer is of a kind of its own. */
export const shapes: Readonly<Record<string, ReturnType<typeof layer>>> = {
  base,
  'parents that are not named': layer(file('new/deep/er/file', 'x'), file('etc/conf.d/one', '1')),
  'parents of the layers below': layer(file('tmp/scratch', 's'), file('usr/lib/libm', 'm')),
  'through a link of the layers below': layer(file('lib/libz', 'z'), file('lib/sub/libq', 'q')),
  'a hard link to a file below': layer(hardlink('etc/hosts.link', 'etc/hosts')),
  'a hard link to one of several names': layer(hardlink('usr/lib/libc.so.6', 'usr/lib/libc')),
  'whiteouts and opaque folders': layer(
    file('etc/.wh.passwd'),
    dir('opt'),
    file('opt/.wh..wh..opq'),
    file('opt/new', 'n'),
  ),
  'a folder made opaque that is not named': layer(file('usr/.wh..wh..opq'), file('usr/only', 'o')),
  'the whole root made opaque': layer(file('.wh..wh..opq'), dir('fresh'), file('fresh/file', 'f')),
  'a whiteout that becomes a folder': layer(file('.wh.fresh'), file('fresh/again', 'a')),
  'links, nodes and attributes': layer(
    symlink('dangling', '/nowhere'),
    { name: 'zero', type: '3', dev: [1, 5], mode: 0o666, uid: 3, gid: 4 },
    file('capable', 'c', { mode: 0o4755, pax: { 'SCHILY.xattr.user.many': 'v'.repeat(900) } }),
    hardlink('capable.too', 'capable'),
    file('negative', 'n', { pax: { mtime: '-1.5' } }),
  ),
  sparse: layer(file('hole', Buffer.concat([Buffer.alloc(1_000_000), Buffer.from('end')]))),
  'the same again': layer(file('hole', 'h')),
  'only a root': layer(dir('.', { mode: 0o711, mtime: 3 })),
  empty: layer(),
};

export const never = new AbortController().signal;

/** All that a check finds: `kind: detail` of each layer, by its place in the image. */
export async function findings(
  { storage }: Opened,
  sources: readonly LayerSource[],
  quick = false,
): Promise<Record<number, string[]>> {
  const found: Record<number, string[]> = {};
  const say = ({ kind, detail }: Damage) => `${kind}: ${detail}`;
  for await (const checked of storage.check.layers({ quick, sizes: sizesOf(sources) }, never)) {
    const at = sources.findIndex(({ chainId }) => chainId === checked.chainId);
    if (checked.damages.length > 0) found[at] = checked.damages.map(say);
  }
  return found;
}

const sizesOf = (sources: readonly LayerSource[]) => new Map(sources.map(({ digest, size }) => [digest, size]));

/** The folder and the blob of a layer. */
export function places(
  opened: Opened,
  source: LayerSource | undefined,
): { readonly dir: string; readonly blob: string } {
  if (!source) throw new RangeError('there is no such layer');
  return {
    dir: opened.layerDir(source.chainId),
    blob: path.join(opened.root, 'blobs/sha256', source.digest.slice('sha256:'.length)),
  };
}

export { sourcesOf };
