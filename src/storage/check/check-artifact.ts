import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { LayerRecord } from '../../state';
import { ifThere } from '../disk';
import type { Layout } from '../layout';
import type { Damage } from './check-layer';

type File = NonNullable<LayerRecord['files']>[number];

/** What is wrong with an artifact's layer: its files are links of blobs, or have at the least their bytes. */
export async function checkArtifact(
  layout: Layout,
  { chainId, files = [] }: LayerRecord,
  quick: boolean,
  signal: AbortSignal,
): Promise<Damage[]> {
  const folder = layout.layer(chainId);
  if (!(await ifThere(fs.lstat(folder)))?.isDirectory()) {
    return [{ kind: 'layer-missing', detail: 'its folder is not there' }];
  }
  const damages: Damage[] = [];
  for (const file of files) damages.push(...(await checkFile(layout, folder, file, quick, signal)));
  const known = new Set(files.map((file) => file.path));
  for (const entry of await fs.readdir(folder, { recursive: true, withFileTypes: true })) {
    const name = path.relative(folder, path.join(entry.parentPath, entry.name));
    if (!entry.isDirectory() && !known.has(name))
      damages.push({ kind: 'layer-damaged', detail: `${name} is too much` });
  }
  return damages;
}

async function checkFile(
  layout: Layout,
  folder: string,
  file: File,
  quick: boolean,
  signal: AbortSignal,
): Promise<Damage[]> {
  const [blob, own] = [layout.blob(file.digest), path.join(folder, file.path)];
  const [kept, linked] = await Promise.all([blob, own].map((place) => ifThere(fs.lstat(place))));
  const damages: Damage[] = [];
  if (!kept) damages.push({ kind: 'blob-missing', detail: `its blob ${file.digest} is not there` });
  else if (!(await isWhole(blob, file, quick, signal))) {
    damages.push({ kind: 'blob-damaged', detail: `its blob ${file.digest} has other bytes than its digest says` });
  }
  const what = await faultOf(own, file, { linked, kept }, quick, signal);
  if (what !== undefined) damages.push({ kind: 'layer-damaged', detail: `${file.path} ${what}` });
  return damages;
}

type Stat = Awaited<ReturnType<typeof fs.lstat>>;

/** The file itself; one that is its blob has been read already. */
async function faultOf(
  own: string,
  file: File,
  { linked, kept }: { readonly linked: Stat | undefined; readonly kept: Stat | undefined },
  quick: boolean,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!linked) return 'is missing';
  if (!linked.isFile() || (Number(linked.mode) & 0o7777) !== 0o644 || linked.uid !== 0 || linked.gid !== 0) {
    return 'is not a file of root with mode 644';
  }
  if (linked.ino === kept?.ino || (await isWhole(own, file, quick, signal))) return undefined;
  return 'has other contents';
}

async function isWhole(place: string, { digest }: File, quick: boolean, signal: AbortSignal): Promise<boolean> {
  if (quick) return true;
  return (await digestOfFile(place, signal)) === digest;
}

/** `sha256:…` of a file's bytes, of which no more than a piece is in memory. */
export async function digestOfFile(place: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(place, { highWaterMark: 1024 * 1024 }), hash, { signal });
  return `sha256:${hash.digest('hex')}`;
}
