import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KnownImages } from '../crash/images';
import type { ExpectedImage } from '../crash/whole';
import type { RunNames } from '../machine';

/** What the guest hands over: beside `writes.log` and the registry's `data`. */
export interface Recording {
  /** Where the daemon's files were, and its disk was mounted at `disk` below. */
  readonly dir: string;
  readonly names: RunNames;
  /** Of the disk, in bytes. */
  readonly size: number;
  /** By the names that they are pulled with; of a tag that moves the one that the registry has now. */
  readonly pulls: Readonly<Record<string, string>>;
  readonly images: readonly ExpectedImage[];
}

export function expectedImages({ all }: KnownImages): ExpectedImage[] {
  return all.map(({ id, manifest, layers }) => ({
    id,
    manifest: { digest: manifest.digest },
    layers: layers.map(({ digest, chainId, tree }) => ({ digest, chainId, tree })),
  }));
}

const fileOf = (folder: string): string => join(folder, 'recording.json');

export async function writeRecording(folder: string, recording: Recording): Promise<void> {
  await writeFile(fileOf(folder), JSON.stringify(recording));
}

export async function readRecording(folder: string): Promise<Recording> {
  return JSON.parse(await readFile(fileOf(folder), 'utf8')) as Recording;
}
