import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extract, type Header } from 'tar-stream';
import { tarOf, type Entry } from '../archive';
import { run } from '../machine';

/** One line for each file of a tree: all that there is to know of it. */
export type Tree = readonly string[];

/** GNU tar's way to read a tree: in the order of names, with attributes, and with times to the nanosecond. */
const archive = ['--sort=name', '--format=posix', '--numeric-owner', '--xattrs', '--xattrs-include=*'];

/** What looking changes, what names inodes, and overlayfs' notes of files that it has copied up. */
const passing = /^(atime|ctime|SCHILY\.xattr\.trusted\.overlay\.(origin|impure|uuid))$/;

/**
 * Reads a tree: types, contents, modes, owners, links (hard ones too), devices, attributes, times. Trees are equal if
 * and only if their lines are.
 */
export async function readTree(folder: string): Promise<Tree> {
  const tar = spawn('tar', ['-C', folder, ...archive, '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: Buffer[] = [];
  tar.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const closed = once(tar, 'close');
  const lines: string[] = [];
  for await (const entry of tar.stdout.pipe(extract())) {
    const hash = createHash('sha256');
    for await (const chunk of entry as AsyncIterable<Buffer>) hash.update(chunk);
    lines.push(lineOf(entry.header, hash.digest('hex')));
  }
  const [status] = (await closed) as [number | null];
  if (status !== 0) throw new Error(`tar of ${folder} ended with ${status}: ${Buffer.concat(said).toString()}`);
  return lines;
}

function lineOf(header: Header, content: string): string {
  const { name, type, mode = 0, uid, gid, size, linkname, devmajor, devminor, mtime } = header;
  const whiteout = type === 'character-device' && devmajor === 0 && devminor === 0;
  const { mtime: nanoseconds = String((mtime?.getTime() ?? 0) / 1000), ...records }: Partial<Record<string, string>> =
    header.pax ?? {};
  const attributes = Object.entries(records).filter(([key]) => !passing.test(key) && key.startsWith('SCHILY.xattr.'));
  return [
    name,
    type ?? '',
    // Of a whiteout there is no more than its name: no archive has its time, and the group is the folder's.
    whiteout ? 'whiteout' : `0${mode.toString(8)} ${uid}:${gid} at ${Number(nanoseconds)}`,
    linkname ? `-> ${linkname}` : '',
    type === 'file' ? `${size} ${content}` : `${devmajor},${devminor}`,
    ...attributes.sort().map(([key, value]) => `${key}=${value}`),
  ].join(' ');
}

/** The tree that GNU tar makes of the entries: each has to be named, the root too. */
export async function treeOfEntries(entries: readonly Entry[]): Promise<Tree> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-e2e-tree-'));
  try {
    const [file, folder] = [join(dir, 'layer.tar'), join(dir, 'tree')];
    await writeFile(file, await tarOf(entries));
    await mkdir(folder);
    await run(
      'tar',
      '-C',
      folder,
      '--numeric-owner',
      '--xattrs',
      '--xattrs-include=*',
      '--delay-directory-restore',
      '-xpf',
      file,
    );
    return await readTree(folder);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** What differs, a few lines of it. */
export function treeDifferences(expected: Tree, actual: Tree): string[] {
  const [want, have] = [new Set(expected), new Set(actual)];
  const missing = expected.filter((line) => !have.has(line)).map((line) => `lacks ${line}`);
  const extra = actual.filter((line) => !want.has(line)).map((line) => `has ${line}`);
  return [...missing, ...extra].slice(0, 6);
}
