import { open, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { abortError, BerthError, errnoOf, isBerthError, messageOf } from '../../base';
import { documentLimit } from '../manifest';

const entryLimit = 65_536;
const linkLimit = 8;

type EntryStream = AsyncIterable<unknown> & { resume(): unknown };
type Spooled = { readonly kind: 'file'; readonly path: string } | { readonly kind: 'link'; readonly target: string };

/**
 * The files of an archive, each under a number in a folder of their own: names in the archive are keys here and never
 * become paths. Disposing removes the folder.
 */
export class Spool implements AsyncDisposable {
  private readonly entries = new Map<string, Spooled>();
  private count = 0;

  private constructor(
    private readonly archive: string,
    private readonly dir: string,
  ) {}

  /** Reads the whole archive, plain or gzip. Throws `image-archive-invalid`, `path-not-found`, `storage-full`. */
  static async open(stagingDir: string, archive: string, signal: AbortSignal): Promise<Spool> {
    await mkdir(stagingDir, { recursive: true, mode: 0o700 });
    const spool = new Spool(archive, await mkdtemp(join(stagingDir, 'load-')));
    try {
      await spool.fill(signal);
      return spool;
    } catch (error) {
      await spool[Symbol.asyncDispose]();
      throw signal.aborted ? abortError(signal, 'load', archive) : spool.wrap(error);
    }
  }

  has(name: string): boolean {
    return this.resolve(name) !== undefined;
  }

  /** A small file, whole. */
  async document(name: string): Promise<Buffer> {
    const path = this.path(name);
    const { size } = await stat(path);
    if (size > documentLimit) throw this.invalid(`${name} has ${size} bytes, more than ${documentLimit}`);
    return readFile(path);
  }

  /** Its size in bytes. */
  async size(name: string): Promise<number> {
    return (await stat(this.path(name))).size;
  }

  stream(name: string, signal?: AbortSignal): Readable {
    return createReadStream(this.path(name), { signal, highWaterMark: 256 * 1024 });
  }

  /** The error for an archive that is not as it should be. */
  invalid(detail: string, cause?: unknown): BerthError {
    return new BerthError('image-archive-invalid', { op: 'load', object: this.archive, detail, cause });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }

  private async fill(signal: AbortSignal): Promise<void> {
    const unpack = await this.compression();
    const entries = extract();
    const source = createReadStream(this.archive, { highWaterMark: 256 * 1024 });
    const feeding = unpack ? pipeline(source, unpack, entries, { signal }) : pipeline(source, entries, { signal });
    // The loop sees the same failure; this keeps it from being an unhandled one before the loop is left.
    feeding.catch(() => undefined);
    for await (const entry of entries) await this.take(entry.header, entry, signal);
    await feeding;
  }

  private async take({ name, type, linkname }: Header, entry: EntryStream, signal: AbortSignal): Promise<void> {
    const key = this.key(name);
    if (++this.count > entryLimit) throw this.invalid(`it has more than ${entryLimit} entries`);
    if (type === 'file' || type === 'contiguous-file') {
      const path = join(this.dir, String(this.count));
      await writeFile(path, bytesOf(entry), { flag: 'wx', mode: 0o600, signal });
      this.entries.set(key, { kind: 'file', path });
      return;
    }
    // Old docker-save archives share layers by symbolic links between folders.
    if (type === 'symlink' && linkname) {
      this.entries.set(key, { kind: 'link', target: this.key(posix.join(posix.dirname(key), linkname)) });
    } else if (type === 'link' && linkname) {
      this.entries.set(key, { kind: 'link', target: this.key(linkname) });
    }
    entry.resume();
  }

  private key(name: string): string {
    const key = posix.normalize(name).replace(/^\/+/, '').replace(/\/+$/, '');
    if (key === '..' || key.startsWith('../')) throw this.invalid(`${JSON.stringify(name)} lies outside the archive`);
    return key;
  }

  private path(name: string): string {
    const path = this.resolve(name);
    if (path === undefined) throw this.invalid(`it has no ${JSON.stringify(name)}`);
    return path;
  }

  private resolve(name: string): string | undefined {
    let entry = this.entries.get(this.key(name));
    for (let hops = 0; entry?.kind === 'link' && hops < linkLimit; hops++) entry = this.entries.get(entry.target);
    return entry?.kind === 'file' ? entry.path : undefined;
  }

  private async compression(): Promise<ReturnType<typeof createGunzip> | undefined> {
    await using file = await open(this.archive, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    if (bytesRead === 4 && buffer.readUInt32LE() === 0xfd2fb528) {
      throw this.invalid('it is compressed by zstd; plain tar and gzip are read');
    }
    return buffer[0] === 0x1f && buffer[1] === 0x8b ? createGunzip() : undefined;
  }

  private wrap(error: unknown): BerthError {
    if (isBerthError(error)) return error;
    const errno = errnoOf(error);
    const detail = messageOf(error);
    if (errno === 'ENOENT' || errno === 'EISDIR' || errno === 'ENOTDIR') {
      return new BerthError('path-not-found', { op: 'load', object: this.archive, detail, cause: error });
    }
    if (errno === 'ENOSPC' || errno === 'EDQUOT') {
      return new BerthError('storage-full', { op: 'load', object: this.dir, detail, cause: error });
    }
    return this.invalid(detail, error);
  }
}

// tar-stream's types leave the chunks open.
async function* bytesOf(entry: EntryStream): AsyncGenerator<Uint8Array> {
  for await (const chunk of entry) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('tar-stream gave a chunk that is not bytes');
    yield chunk;
  }
}
