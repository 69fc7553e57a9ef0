import fs from 'node:fs/promises';
import path from 'node:path';
import { asideTime } from '../../base';
import { ifThere, syncDir } from '../disk';
import type { Layout } from '../layout';
import type { StorageKernel } from '../options';

/** Something damaged that is kept for a person. */
export interface Aside {
  readonly path: string;
  /** What it was called before: a chain id without its algorithm, a record, a folder of the root. */
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** Moves a thing out of the way, whatever it is, and says where to. Nothing that has it open or mounted notices. */
export async function setAside(layout: Layout, from: string): Promise<string> {
  const to = layout.newAside(path.basename(from));
  await fs.mkdir(layout.damaged, { recursive: true, mode: 0o700 });
  await fs.rename(from, to);
  return to;
}

/** Makes a move durable, where something was moved. */
export async function syncAside(layout: Layout): Promise<void> {
  await ifThere(syncDir(layout.damaged));
}

/** All that is set aside, oldest first. */
export async function listAside(layout: Layout): Promise<Aside[]> {
  const names = (await ifThere(fs.readdir(layout.damaged))) ?? [];
  return names.sort().map((name) => ({
    path: path.join(layout.damaged, name),
    name: name.slice(name.indexOf('-') + 1),
    since: asideTime(name) ?? 0,
  }));
}

/** Deletes it for good. Whatever is mounted on it loses its files: the caller knows that nothing is. */
export async function discard(kernel: StorageKernel, layout: Layout, aside: Aside): Promise<void> {
  await kernel.removeTree(path.join(layout.damaged, path.basename(aside.path)));
}
