import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { BerthError } from '../base';
import { digestHex, digestMismatch, sha256Digest } from './digests';
import { ifThere, onDisk, syncDir } from './disk';
import type { Layout } from './layout';
import type { UsageCount } from './usage';

/** Layers are read in pieces as large as unpack's. */
const reading = { highWaterMark: 256 * 1024 };

/** Blobs by digest: whole and checked as soon as they have their name. */
export class Blobs {
  constructor(
    private readonly layout: Layout,
    private readonly usage: UsageCount,
  ) {}

  /** Counts what is there. Once, at start. */
  async open(): Promise<void> {
    for (const name of await fs.readdir(this.layout.blobs)) {
      const stat = await fs.lstat(path.join(this.layout.blobs, name), { bigint: true });
      this.usage.addBlob(name, stat.size);
    }
  }

  /** Whether there is one under this name. */
  has(digest: string): boolean {
    return this.usage.hasBlob(digestHex(digest, 'find a blob'));
  }

  /** The bytes, or undefined. Rejects `manifest-invalid` beyond maxBytes, `digest-mismatch` if the disk altered them. */
  async read(digest: string, maxBytes: number): Promise<Buffer | undefined> {
    const op = 'read a blob';
    const bytes = await onDisk(op, digest, async () => {
      const handle = await ifThere(fs.open(this.layout.blob(digest), 'r'));
      if (!handle) return undefined;
      await using file = handle;
      const { size } = await file.stat();
      if (size > maxBytes) {
        const detail = `it has ${size} bytes, at most ${maxBytes} are read`;
        throw new BerthError('manifest-invalid', { op, object: digest, detail });
      }
      return file.readFile();
    });
    if (bytes && sha256Digest(bytes) !== digest) throw digestMismatch(op, digest, digest, sha256Digest(bytes));
    return bytes;
  }

  /**
   * The bytes of a layer's blob, from a file that is staged or else the one that is kept, as a stream; undefined if
   * there is none of this size. They are the reader's to check.
   */
  async stream(digest: string, size: bigint, staged?: string): Promise<Readable | undefined> {
    return onDisk('read a blob', digest, async () => {
      // A commit moves the file from the one name to the other.
      for (const name of [...(staged === undefined ? [] : [staged]), this.layout.blob(digest)]) {
        const handle = await ifThere(fs.open(name, 'r'));
        if (!handle) continue;
        if ((await handle.stat({ bigint: true })).size === size) return handle.createReadStream(reading);
        await handle.close();
      }
      return undefined;
    });
  }

  /** Keeps the bytes, durably. */
  async write(digest: string, bytes: Uint8Array): Promise<void> {
    const op = 'write a blob';
    const hex = digestHex(digest, op);
    const got = sha256Digest(bytes);
    if (got !== digest) throw digestMismatch(op, digest, digest, got);
    const staged = path.join(this.layout.staging, randomUUID());
    await onDisk(op, digest, async () => {
      try {
        await using file = await fs.open(staged, 'wx', 0o600);
        await file.writeFile(bytes);
        await file.sync();
        await fs.rename(staged, this.layout.blob(digest));
      } catch (error) {
        await fs.rm(staged, { force: true });
        throw error;
      }
      await syncDir(this.layout.blobs);
    });
    this.usage.addBlob(hex, BigInt(bytes.byteLength));
  }

  /**
   * Gives a staged file that has been checked and synced its name; the folder still has to be synced. False if the
   * name was there: the same bytes take its place.
   */
  async adopt(staged: string, digest: string, size: bigint): Promise<boolean> {
    const hex = digestHex(digest, 'keep a blob');
    const fresh = !this.usage.hasBlob(hex);
    await fs.rename(staged, this.layout.blob(digest));
    this.usage.addBlob(hex, size);
    return fresh;
  }

  /** Deletes one blob; one that is not there is success. */
  async remove(digest: string): Promise<void> {
    const hex = digestHex(digest, 'delete a blob');
    await fs.rm(path.join(this.layout.blobs, hex), { force: true });
    this.usage.removeBlob(hex);
  }

  /** Deletes all blobs but these. */
  async collect(keep: ReadonlySet<string>): Promise<void> {
    for (const name of await fs.readdir(this.layout.blobs)) {
      if (keep.has(`sha256:${name}`)) continue;
      await fs.rm(path.join(this.layout.blobs, name), { force: true, recursive: true });
      this.usage.removeBlob(name);
    }
  }
}
