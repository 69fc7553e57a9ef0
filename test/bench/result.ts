import { mkdir, writeFile } from 'node:fs/promises';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** Writes what was measured, with its date and its machine, as JSON; gives the file's path. */
export async function writeResult(resultDir: string, prefix: string, measured: object): Promise<string> {
  const date = new Date().toISOString();
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, memory: totalmem(), arch: arch(), kernel: release() };
  await mkdir(resultDir, { recursive: true });
  const file = join(resultDir, `${prefix}${date.replace(/[:.]/g, '-')}.json`);
  await writeFile(file, `${JSON.stringify({ date, machine, ...measured }, null, 2)}\n`);
  return file;
}
