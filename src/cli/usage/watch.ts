import { setTimeout } from 'node:timers/promises';
import { type Io, screenOf, write } from '../io';
import { json, jsonLine } from '../output/json';
import { Redrawn } from '../output/redrawn';

/** How figures are shown, and how often. */
export interface WatchOptions {
  readonly json: boolean;
  /** Only the first time. */
  readonly once: boolean;
  /** Also where standard output is no terminal. */
  readonly watch: boolean;
  readonly intervalMs: number;
}

/** One look: as text, no line of which is longer than what it is given, and as what scripts get. */
export interface Look {
  text(size: { readonly columns: number; readonly rows: number }): string;
  readonly value: unknown;
}

/**
 * Looks again and again and shows what is seen, until Ctrl-C: in a terminal over itself, elsewhere one after the other; where
 * nothing asks for more, once. JSON of several looks has a line for each.
 */
export async function watch(
  io: Io,
  options: WatchOptions,
  look: (signal: AbortSignal) => Promise<Look>,
): Promise<void> {
  const screen = screenOf(io.stdout);
  const again = !options.once && (options.watch || (screen !== undefined && !options.json));
  const left = new AbortController();
  using _ = again ? io.onInterrupt(() => left.abort()) : undefined;
  const redrawn = screen && !options.json && io.env['TERM'] !== 'dumb' ? new Redrawn(io.stdout) : undefined;
  do {
    const seen = await look(left.signal).catch((error: unknown) => {
      // Ctrl-C while it was looked: that is how it ends.
      if (left.signal.aborted) return undefined;
      throw error;
    });
    if (!seen) return;
    if (options.json) await write(io.stdout, again ? jsonLine(seen.value) : json(seen.value));
    else await show(io, redrawn, again, seen);
    if (again) await setTimeout(options.intervalMs, undefined, { signal: left.signal }).catch(() => undefined);
  } while (again && !left.signal.aborted);
}

async function show(io: Io, redrawn: Redrawn | undefined, again: boolean, look: Look): Promise<void> {
  const { columns, rows } = (again && screenOf(io.stdout)?.size()) || { columns: Infinity, rows: Infinity };
  const text = look.text({ columns, rows });
  if (!redrawn || !again) {
    await write(io.stdout, text);
    return;
  }
  const lines = text.trimEnd().split('\n');
  await redrawn.draw(lines.slice(0, rows - 1).map((line) => line.slice(0, columns - 1)));
}
