import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthError, errnoOf, fileStamp, isBerthError, messageOf, type ErrorCode } from '../base';

/** One file of a folder, and what it says or why that cannot be read. */
export interface FolderFile<T> {
  readonly folder: string;
  readonly name: string;
  readonly path: string;
  readonly content: T | BerthError;
}

export interface FolderFilesOptions<T> {
  /** `.json` and the like. */
  readonly extensions: readonly string[];
  readonly parse: (path: string, text: string) => Promise<T>;
  /** What a file is called that cannot be read. */
  readonly invalid: ErrorCode;
  readonly op: string;
}

/** Files that administrators and vendors drop into folders are small and few. */
const maxBytes = 4 * 1024 ** 2;
const maxFiles = 512;

/**
 * Reads the files of some folders each time anew, but parses each only when it has changed. A folder that is not there is
 * empty. Rejects if a folder cannot be read or holds too many files.
 */
export class FolderFiles<T> {
  private parsed = new Map<string, { readonly seen: string; readonly content: T | BerthError }>();

  constructor(private readonly options: FolderFilesOptions<T>) {}

  async read(folders: readonly string[]): Promise<readonly FolderFile<T>[]> {
    const files = (await Promise.all(folders.map((folder) => this.list(folder)))).flat();
    const read = await Promise.all(files.map(async (file) => ({ ...file, content: await this.content(file.path) })));
    const there = new Set(files.map(({ path }) => path));
    this.parsed = new Map([...this.parsed].filter(([path]) => there.has(path)));
    return read;
  }

  private async list(folder: string): Promise<readonly Omit<FolderFile<T>, 'content'>[]> {
    const { extensions, invalid, op } = this.options;
    let names: string[];
    try {
      names = await readdir(folder);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw new BerthError(invalid, { op, object: folder, detail: messageOf(error), cause: error });
    }
    const ours = names.filter((name) => extensions.some((extension) => name.endsWith(extension))).sort();
    if (ours.length > maxFiles)
      throw new BerthError(invalid, { op, object: folder, detail: `it has ${ours.length} files; at most ${maxFiles}` });
    return ours.map((name) => ({ folder, name, path: join(folder, name) }));
  }

  private async content(path: string): Promise<T | BerthError> {
    const { op, invalid } = this.options;
    try {
      const stats = await stat(path, { bigint: true });
      const seen = fileStamp(stats);
      const known = this.parsed.get(path);
      if (known?.seen === seen) return known.content;
      if (stats.size > maxBytes)
        throw new BerthError(invalid, { op, object: path, detail: `it has ${stats.size} bytes; at most ${maxBytes}` });
      const content = await this.options.parse(path, await readFile(path, 'utf8')).catch((error: unknown) => {
        if (isBerthError(error)) return error;
        throw error;
      });
      this.parsed.set(path, { seen, content });
      return content;
    } catch (error) {
      if (isBerthError(error)) return error;
      return new BerthError(invalid, { op, object: path, detail: messageOf(error), cause: error });
    }
  }
}
