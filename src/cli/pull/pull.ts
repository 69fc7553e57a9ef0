import type { Writable } from 'node:stream';
import type { admin } from '../../wire';
import { type Daemon, isUnimplemented } from '../daemon';
import { CliError, oneLine } from '../failure';
import { type Io, type Screen, screenOf, write } from '../io';
import { Redrawn } from '../output/redrawn';
import { frame } from './frame';
import { Speed } from './speed';

/** Pulls an image and gives its id. How far it is is shown on stderr, unless it is to be quiet: moving where that is a terminal. */
export async function pullShown(daemon: Daemon, name: string, io: Io, quiet: boolean): Promise<string> {
  if (quiet) return daemon.pull(name);
  await write(io.stderr, `pulling ${oneLine(name)}\n`);
  const screen = screenOf(io.stderr);
  if (!screen || io.env['TERM'] === 'dumb') return daemon.pull(name);
  try {
    return await pullWatched(daemon, name, new Bars(io.stderr, screen));
  } catch (error) {
    // Another runtime than berth's, or an earlier one, has no more than CRI.
    if (isUnimplemented(error)) return daemon.pull(name);
    throw error;
  }
}

async function pullWatched(daemon: Daemon, name: string, bars: Bars): Promise<string> {
  let id: string | undefined;
  for await (const { progress, imageId } of daemon.pullWatched(name)) {
    if (progress) await bars.show(progress);
    id ??= imageId;
  }
  if (id === undefined) throw new CliError(`pull: ${name}: the daemon's answer broke off before the pull was over`);
  await bars.finish();
  return id;
}

/** A pull's bars, and how fast it is. */
class Bars {
  private readonly speed = new Speed();
  private last: admin.PullProgress | undefined;
  private readonly lines: Redrawn;

  constructor(
    to: Writable,
    private readonly screen: Screen,
  ) {
    this.lines = new Redrawn(to);
  }

  async show(progress: admin.PullProgress): Promise<void> {
    this.last = progress;
    await this.draw(progress, this.speed.of(Number(progress.bytes), performance.now()), false);
  }

  async finish(): Promise<void> {
    if (this.last) await this.draw(this.last, 0, true);
  }

  private async draw(progress: admin.PullProgress, speed: number, done: boolean): Promise<void> {
    await this.lines.draw(frame(progress, { ...this.screen.size(), speed, done }));
  }
}
