import { spawn, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Kernel } from '../../../src/kernel';
import { openStorage } from '../support/open';
import { layersOf, type OciLayout } from './oci-layout';
import { run } from './tools';

/** One line for each file that differs between the tree that umoci makes and the one that berth makes. */
export async function differences(
  kernel: Kernel,
  dir: string,
  { theirs, ours }: { readonly theirs: OciLayout; readonly ours: OciLayout },
): Promise<readonly string[]> {
  const bundle = path.join(dir, 'expected');
  const started = Date.now() / 1000;
  run('umoci', 'unpack', '--image', `${theirs.dir}:a`, bundle);
  const expected = path.join(bundle, 'rootfs');
  const { storage, remove } = await openStorage(kernel, { root: path.join(dir, 'root') });
  try {
    const layers = layersOf(ours);
    await storage.addLayers(layers, new AbortController().signal);
    const chainIds = layers.map((layer) => layer.chainId);
    const actual = await storage.mountRootfs({ containerId: 'compare', chainIds });
    // The root's own time is that of the container's writable layer; parents that no layer names are made just now.
    for (const tree of [expected, actual]) {
      run('touch', '-d', '@0', tree);
      run('find', tree, '-xdev', '-type', 'd', '-newermt', `@${started}`, '-exec', 'touch', '-d', '@0', '{}', '+');
    }
    const same = (await digestOfTree(expected)) === (await digestOfTree(actual));
    return same ? [] : diffOf(expected, actual);
  } finally {
    await storage.removeRootfs('compare');
    remove();
  }
}

/**
 * The tree as an archive: contents, types, modes, owners, links (hard ones too), devices, attributes and times to the
 * nanosecond, in the order of names. The time of access is left out: comparing changes it.
 */
const archive = [
  '--sort=name',
  '--format=pax',
  '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
  '--numeric-owner',
  '--xattrs',
  '--xattrs-include=*',
  '-cf',
  '-',
  '.',
];

async function digestOfTree(tree: string): Promise<string> {
  const tar = spawn('tar', ['-C', tree, ...archive], { stdio: ['ignore', 'pipe', 'inherit'] });
  const hash = createHash('sha256');
  const exited = once(tar, 'exit');
  await pipeline(tar.stdout, hash);
  const [status] = (await exited) as [number | null];
  if (status !== 0) throw new Error(`tar of ${tree} ended with ${status}`);
  return hash.digest('hex');
}

/** What to tell when the archives are not the same: listings first, then contents and attributes. */
function diffOf(expected: string, actual: string): string[] {
  const listing = (tree: string): string =>
    `cd ${tree} && find . -printf '%p %y %#m %U:%G %T@ %l ' \\( -type f -printf '%n ' -exec sha256sum {} \\; -o -printf '\\n' \\) | sort; ` +
    `tar ${archive.join(' ')} | tr '\\0' '\\n' | grep -a = || true`;
  const lines = (tree: string): string[] =>
    execFileSync('bash', ['-c', listing(tree)], { maxBuffer: 1 << 30 })
      .toString()
      .split('\n');
  const [want, have] = [new Set(lines(expected)), new Set(lines(actual))];
  return [
    ...[...want].filter((line) => !have.has(line)).map((line) => `umoci: ${line}`),
    ...[...have].filter((line) => !want.has(line)).map((line) => `berth: ${line}`),
    'the archives differ',
  ];
}
