import { createWriteStream } from 'node:fs';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../../base';
import { type Define, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { CliError, exitStatus, oneLine, usageError } from '../failure';
import { type Io, write } from '../io';

/** berth load ARCHIVE */
export const define: Define = (command, { io }) => {
  command
    .description('Loads the images of an archive: of `docker save`, or an OCI layout as a tar file.')
    .argument('<archive>', 'the file, or - for standard input')
    .addHelpText('after', '\nExamples:\n  berth load app.tar\n  docker save app:1 | berth load -')
    .action(async (archive: string) => {
      const options = globalOptions(command, io);
      const interrupted = new AbortController();
      using _ = io.onInterrupt(() => interrupted.abort());
      using daemon = new Daemon(options, interrupted.signal);
      const images = await withArchive(archive, io, interrupted.signal, (path) => daemon.load(path));
      if (images.length === 0) throw new CliError(`${archive} holds no image`);
      for (const { id, names } of images) {
        await write(io.stdout, `loaded ${oneLine(names.join(', ') || id)}\n`);
      }
    });
};

/** Calls with the absolute path of the archive; standard input is kept in a file for so long, as the daemon needs one. */
async function withArchive<T>(
  archive: string,
  io: Io,
  signal: AbortSignal,
  use: (path: string) => Promise<T>,
): Promise<T> {
  if (archive !== '-') {
    const path = resolve(archive);
    try {
      await access(path, constants.R_OK);
    } catch (cause) {
      throw new CliError(`cannot read the archive: ${messageOf(cause)}`, exitStatus.failed, { cause });
    }
    return use(path);
  }
  if ('isTTY' in io.stdin && io.stdin.isTTY === true)
    throw usageError('load -: standard input is a terminal; redirect an archive to it');
  const folder = await mkdtemp(join(tmpdir(), 'berth-load-'));
  try {
    const path = join(folder, 'archive.tar');
    await pipeline(io.stdin, createWriteStream(path, { mode: 0o600 }), { signal });
    return await use(path);
  } catch (cause) {
    if (signal.aborted) throw new CliError('load: interrupted', exitStatus.interrupted, { cause });
    throw cause;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
