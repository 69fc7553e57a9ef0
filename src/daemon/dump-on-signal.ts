import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Log, messageOf } from '../base';

/** Dumps that are kept: two of them tell what moves. */
const kept = 5;

/** Bytes of one. */
const most = 4 * 1024 * 1024;

/** Writes what `take` gives to `<folder>/<time>.json` and says so, at each SIGUSR1 from now on and for good. */
export function dumpOnSignal(folder: string, take: () => object, log: Log): void {
  let last = Promise.resolve();
  const dump = async (): Promise<void> => {
    try {
      const file = await writeDump(folder, take());
      log.info({ file }, `the state of berthd is in ${file}`);
    } catch (error) {
      log.error({ err: error }, `the state of berthd is not written: ${messageOf(error)}`);
    }
  };
  process.on('SIGUSR1', () => void (last = last.then(dump)));
}

async function writeDump(folder: string, state: object): Promise<string> {
  const text = `${JSON.stringify(state, undefined, 1)}\n`;
  if (Buffer.byteLength(text) > most) throw new RangeError(`it has more than ${most} bytes`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${new Date().toISOString().replaceAll(/[-:]/g, '')}.json`);
  const half = `${file}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(half, text, { mode: 0o600, flag: 'wx' });
    await rename(half, file);
  } finally {
    await rm(half, { force: true });
  }
  const names = (await readdir(folder)).sort();
  const whole = names.filter((name) => name.endsWith('.json')).slice(-kept);
  // One that is not whole is a daemon's that was killed.
  for (const name of names.filter((each) => !whole.includes(each))) await rm(join(folder, name), { force: true });
  return file;
}
