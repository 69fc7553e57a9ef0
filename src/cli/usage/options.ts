import type { Command } from 'commander';
import { parseDuration } from '../command';
import type { WatchOptions } from './watch';

const defaultInterval = '2s';

/** Adds what commands have that show figures again and again. */
export function addWatchOptions(command: Command): Command {
  return command
    .option('--once', 'show them once, also in a terminal')
    .option('-w, --watch', 'go on until Ctrl-C, also where output is no terminal; JSON has a line for each time')
    .option('--interval <duration>', 'how long to wait in between', defaultInterval);
}

export function watchOptions(
  { once = false, watch = false, interval }: { once?: boolean; watch?: boolean; interval: string },
  json: boolean,
): WatchOptions {
  return { json, once, watch, intervalMs: parseDuration(interval) };
}
