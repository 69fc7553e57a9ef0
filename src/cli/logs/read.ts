import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../base';
import { CliError } from '../failure';
import { type LogRecord, RecordSplitter } from './record';
import { tailOffset } from './tail';

export interface ReadOptions {
  readonly path: string;
  /** Only so many of the lines that are there. */
  readonly tail: number | undefined;
  /** Goes on until this is settled, and everything that was written by then is read. */
  readonly until: Promise<unknown> | undefined;
}

/** The records of a log file. Following, it goes on in the new file when the log is rotated or replaced. */
export async function* readLog(options: ReadOptions): AsyncGenerator<LogRecord, void, undefined> {
  using changes = new Changes(options);
  let file = await openLog(options.path, changes);
  if (!file) return;
  try {
    let position = options.tail === undefined ? 0 : await tailOffset(file, options.tail);
    const splitter = new RecordSplitter();
    const buffer = Buffer.alloc(64 * 1024);
    for (;;) {
      // Both are looked at before reading: what was written before is then in what is read.
      const over = changes.over;
      const replaced = await isReplaced(file, options.path);
      if ((await file.stat()).size < position) position = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
        if (bytesRead === 0) break;
        position += bytesRead;
        // A copy: records outlive the buffer's next use.
        yield* splitter.push(Buffer.from(buffer.subarray(0, bytesRead)));
      }
      if (replaced) {
        yield* splitter.flush();
        const next = await openLog(options.path, changes);
        if (!next) return;
        await file.close();
        file = next;
        position = 0;
      } else if (over) {
        yield* splitter.flush();
        return;
      } else await changes.next();
    }
  } finally {
    await file.close();
  }
}

/** Opens the log; following, waits for it to be there. Undefined if it never came. */
async function openLog(path: string, changes: Changes): Promise<FileHandle | undefined> {
  for (;;) {
    const { over } = changes;
    try {
      return await open(path);
    } catch (cause) {
      if (errnoOf(cause) === 'EACCES') {
        throw new CliError(`no access to the log ${path}: call berth as root, e.g. with sudo`, 1, { cause });
      }
      if (errnoOf(cause) !== 'ENOENT') throw cause;
      if (!over) await changes.next();
      else if (changes.following) return undefined;
      else
        throw new CliError(`the log ${path} is not there: it may have been removed, or be on another machine`, 1, {
          cause,
        });
    }
  }
}

/** Whether another file has the log's name now. Between a rotation and the reopening none has: not yet, then. */
async function isReplaced(file: FileHandle, path: string): Promise<boolean> {
  try {
    return (await stat(path)).ino !== (await file.stat()).ino;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Tells that something has happened in the log's folder, or that there is nothing more to wait for. */
class Changes implements Disposable {
  readonly following: boolean;
  private ended: boolean;
  private happened = false;
  private wake: () => void = () => undefined;
  private readonly watcher: FSWatcher | undefined;

  constructor({ path, until }: ReadOptions) {
    this.following = until !== undefined;
    this.ended = !this.following;
    if (!until) return;
    const note = () => {
      this.happened = true;
      this.wake();
    };
    const end = () => {
      this.ended = true;
      note();
    };
    until.then(end, end);
    this.watcher = watchFolder(dirname(path), note, end);
  }

  get over(): boolean {
    return this.ended;
  }

  /** Settles once something has happened since the last call. */
  async next(): Promise<void> {
    if (!this.happened && !this.ended) await new Promise<void>((resolve) => (this.wake = resolve));
    this.happened = false;
  }

  [Symbol.dispose](): void {
    this.watcher?.close();
  }
}

function watchFolder(folder: string, note: () => void, end: () => void): FSWatcher {
  try {
    return watch(folder, note).on('error', end);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    throw new CliError(`the log's folder ${folder} is not there: it may have been removed`, 1, { cause });
  }
}
