import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../machine';

/** A file as a block device. */
export async function attach(file: string): Promise<string> {
  return (await run('losetup', '--find', '--show', file)).trim();
}

/**
 * A disk of which every write is noted in the order in which it got past the disk's cache (dm-log-writes), with an ext4
 * on it. What was written and not flushed when the power went is not in the log, or after it.
 */
export class RecordedDisk implements AsyncDisposable {
  private constructor(
    /** Where it is mounted. */
    readonly mountPoint: string,
    /** The log, once this is disposed of. */
    readonly log: string,
    private readonly name: string,
    private readonly devices: readonly string[],
  ) {}

  static async open(dir: string, mountPoint: string, mebibytes: number): Promise<RecordedDisk> {
    const [data, log] = [join(dir, 'disk.img'), join(dir, 'writes.log')];
    for (const [file, size] of [
      [data, mebibytes],
      [log, mebibytes * 6],
    ] as const) {
      await writeFile(file, '');
      await truncate(file, size * 1024 * 1024);
    }
    await run('modprobe', 'dm-log-writes');
    const devices = [await attach(data), await attach(log)];
    const name = 'berth-power-loss';
    const sectors = mebibytes * 2048;
    await run('dmsetup', 'create', name, '--table', `0 ${sectors} log-writes ${devices.join(' ')}`);
    // Also what mkfs writes is in the log: a disk of zeros is what it begins with.
    await run('mkfs.ext4', '-q', '-E', 'nodiscard,lazy_itable_init=0,lazy_journal_init=0', `/dev/mapper/${name}`);
    await mkdir(mountPoint, { recursive: true });
    // The journal is written each second, not every five: more of what was not asked for gets to the disk.
    await run('mount', '-o', 'commit=1', `/dev/mapper/${name}`, mountPoint);
    return new RecordedDisk(mountPoint, log, name, devices);
  }

  /** Puts a note into the log: everything that the disk has acknowledged so far is before it. */
  async mark(text: string): Promise<void> {
    if (/[\s\\]/.test(text) || text.length > 400) throw new Error(`not the text of a mark: ${text}`);
    await run('dmsetup', 'message', this.name, '0', 'mark', text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('umount', this.mountPoint);
    await run('dmsetup', 'remove', '--retry', this.name);
    for (const device of this.devices) await run('losetup', '--detach', device);
  }
}
