import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { abortError } from '../../base';
import { digestMismatch } from '../digests';
import { onDisk } from '../disk';
import { blobOf } from '../layers/stage';
import type { Reservation } from '../space';
import type { ArtifactFileSource } from '../storage';

/** A blob to be fetched, and the space that was spoken for it. */
export interface BlobToStage {
  readonly source: ArtifactFileSource;
  readonly room: Reservation | undefined;
}

/** Fetches one blob as it is into `<dir>/blob`, and checks size and digest. The caller removes the folder. */
export async function stageBlob(dir: string, { source, room }: BlobToStage, signal: AbortSignal): Promise<string> {
  const op = 'fetch a blob';
  const hash = createHash('sha256');
  let size = 0n;
  await onDisk(op, source.digest, async () => {
    await fs.mkdir(dir, { mode: 0o700 });
    await using file = await fs.open(blobOf(dir), 'wx', 0o600);
    const keep = async (bytes: AsyncIterable<Buffer>): Promise<void> => {
      for await (const chunk of bytes) {
        size += BigInt(chunk.length);
        if (size > source.size) throw digestMismatch(op, source.digest, `${source.size} bytes`, 'more');
        hash.update(chunk);
        await file.writeFile(chunk);
        room?.used(chunk.length);
      }
    };
    try {
      await pipeline(await source.open(signal), keep, { signal });
    } catch (error) {
      throw signal.aborted ? abortError(signal, op, source.digest) : error;
    }
  });
  if (size !== source.size) throw digestMismatch(op, source.digest, `${source.size} bytes`, `${size} bytes`);
  const got = `sha256:${hash.digest('hex')}`;
  if (got !== source.digest) throw digestMismatch(op, source.digest, source.digest, got);
  return blobOf(dir);
}
