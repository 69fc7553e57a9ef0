import { closeSync, openSync } from 'node:fs';
import { absence, type ReadFile, readSmall, textOf } from './file';

/**
 * Keeps open what is read again and again: to open a file of a cgroup and close it costs three times as much as to read it. An
 * open one holds a page of the kernel's memory, and does not keep its cgroup from going.
 */
export class KeptFiles {
  private recent = new Map<string, number>();
  /** Those that nobody has read since the sweep before. */
  private former = new Map<string, number>();

  /** Beyond so many nothing more is kept. */
  constructor(private readonly most: number) {}

  /** As `readSmall` does. */
  readonly read: ReadFile = (path) => {
    const kept = this.take(path);
    if (kept === undefined) return this.recent.size + this.former.size < this.most ? this.open(path) : readSmall(path);
    try {
      return textOf(kept);
    } catch (error) {
      this.recent.delete(path);
      closeSync(kept);
      absence(path, error);
      // Its cgroup is gone. Another of the same name may be there.
      return this.open(path);
    }
  };

  /** Closes what was not read since the last sweep. */
  sweep(): void {
    for (const fd of this.former.values()) closeSync(fd);
    this.former = this.recent;
    this.recent = new Map();
  }

  close(): void {
    for (const files of [this.former, this.recent]) for (const fd of files.values()) closeSync(fd);
    this.former.clear();
    this.recent.clear();
  }

  private take(path: string): number | undefined {
    const recent = this.recent.get(path);
    if (recent !== undefined) return recent;
    const former = this.former.get(path);
    if (former === undefined) return undefined;
    this.former.delete(path);
    this.recent.set(path, former);
    return former;
  }

  private open(path: string): string | undefined {
    let fd: number | undefined;
    try {
      fd = openSync(path, 'r');
      const text = textOf(fd);
      this.recent.set(path, fd);
      return text;
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      return absence(path, error);
    }
  }
}
