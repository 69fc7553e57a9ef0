import { open, type FileHandle } from 'node:fs/promises';

/** Flags of an entry (the kernel's drivers/md/dm-log-writes.c). */
const flags = { flush: 1n, fua: 2n, discard: 4n, mark: 8n } as const;
const magic = 0x6a736677736872n;

/** One entry of a log of dm-log-writes; sizes in bytes. */
export interface LogEntry {
  readonly kind: 'write' | 'discard' | 'mark';
  /** Whether the disk's cache was emptied by it, or it went past the cache. */
  readonly durable: boolean;
  /** Where it goes on the disk. */
  readonly offset: number;
  readonly length: number;
  /** Where its bytes are in the log. */
  readonly at: number;
  /** A mark's. */
  readonly text: string;
}

/** Reads what the log holds, without the bytes. */
export async function readLog(path: string): Promise<readonly LogEntry[]> {
  await using file = await open(path, 'r');
  const head = await bytesAt(file, 0, 28);
  if (head.readBigUInt64LE(0) !== magic || head.readBigUInt64LE(8) !== 1n) {
    throw new Error(`${path} is no log of dm-log-writes`);
  }
  const count = Number(head.readBigUInt64LE(16));
  const sector = head.readUInt32LE(24);
  const entries: LogEntry[] = [];
  let at = sector;
  while (entries.length < count) {
    const entry = entryOf(await bytesAt(file, at, sector), at, sector);
    entries.push(entry);
    at = entry.at + (entry.kind === 'write' ? entry.length : 0);
  }
  return entries;
}

function entryOf(bytes: Buffer, at: number, sector: number): LogEntry {
  const [start, sectors, flag, dataLength] = [0, 8, 16, 24].map((offset) => bytes.readBigUInt64LE(offset));
  if (start === undefined || sectors === undefined || flag === undefined)
    throw new RangeError('four numbers were read');
  const isMark = (flag & flags.mark) !== 0n;
  return {
    kind: isMark ? 'mark' : (flag & flags.discard) !== 0n ? 'discard' : 'write',
    durable: (flag & (flags.flush | flags.fua)) !== 0n,
    offset: Number(start) * sector,
    length: Number(sectors) * sector,
    at: at + sector,
    text: isMark ? bytes.toString('utf8', 32, 32 + Number(dataLength)) : '',
  };
}

/** Writes the entries to a disk, one after the other, as far as is asked. */
export class Replay {
  private next = 0;

  private constructor(
    private readonly entries: readonly LogEntry[],
    private readonly log: FileHandle,
    private readonly disk: FileHandle,
  ) {}

  /** The disk is a file of zeros, of the size that was recorded. */
  static async open(entries: readonly LogEntry[], log: string, disk: string, size: number): Promise<Replay> {
    const file = await open(disk, 'w+');
    await file.truncate(size);
    return new Replay(entries, await open(log, 'r'), file);
  }

  /** Goes on to the entry, which is the first that is not written. */
  async upTo(end: number): Promise<void> {
    for (; this.next < end; this.next++) {
      const entry = this.entries[this.next];
      if (!entry || entry.kind === 'mark' || entry.length === 0) continue;
      const bytes =
        entry.kind === 'write' ? await bytesAt(this.log, entry.at, entry.length) : Buffer.alloc(entry.length);
      await this.disk.write(bytes, 0, bytes.length, entry.offset);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log.close();
    await this.disk.close();
  }
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead !== length) throw new Error(`the log ends at ${position + bytesRead}`);
  return buffer;
}
