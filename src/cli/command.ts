import type { Command } from 'commander';
import { usageError } from './failure';
import type { Io } from './io';

/** What a command's action gets beside its own arguments. */
export interface Context {
  readonly io: Io;
  /** The exit status of berth, unless the command fails. */
  status: number;
}

/** A command's file exports this: adds arguments, options and the action. It is loaded when the command is called. */
export type Define = (command: Command, context: Context) => void;

/** Options that every command has: before the command's name they serve all the same. */
export interface GlobalOptions {
  readonly socket: string;
  /** Milliseconds for one answer of the daemon, if the user set it. */
  readonly timeoutMs: number | undefined;
  readonly json: boolean;
}

const defaultSocket = 'unix:///run/berth/berth.sock';

/** Adds --socket and --timeout, which every command has. */
export function addDaemonOptions(command: Command): Command {
  return command
    .option('--socket <address>', `the daemon's socket (env BERTH_SOCKET; default ${defaultSocket})`)
    .option('--timeout <duration>', 'give up on an answer after this long, e.g. 10s, 2m (default 30s for queries)');
}

/** Adds --json, for commands that print a table. */
export function addJsonOption(command: Command): Command {
  return command.option('--json', 'print JSON instead of a table');
}

/** The global options as they are in force, wherever on the command line they stood. */
export function globalOptions(command: Command, io: Io): GlobalOptions {
  const { socket, timeout, json } = command.optsWithGlobals<{ socket?: string; timeout?: string; json?: boolean }>();
  return {
    socket: socketPath(socket ?? io.env['BERTH_SOCKET'] ?? defaultSocket),
    timeoutMs: timeout === undefined ? undefined : parseDuration(timeout),
    json: json ?? false,
  };
}

/** An absolute path, with or without `unix://`. */
function socketPath(address: string): string {
  const path = address.startsWith('unix://') ? address.slice('unix://'.length) : address;
  if (!path.startsWith('/'))
    throw usageError(`--socket ${address}: an absolute path is needed, as in ${defaultSocket}`);
  return path;
}

const unitMs: Record<string, number> = { ms: 1, s: 1000, '': 1000, m: 60_000, h: 3_600_000 };

/** `500ms`, `10s`, `2m`, `1h`, or a number of seconds; in milliseconds. */
export function parseDuration(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,9}(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const ms = Number(amount) * (unitMs[unit] ?? 0);
  if (amount === undefined || ms <= 0) throw usageError(`${JSON.stringify(text)} is no duration: use 10s, 2m or 1h`);
  return ms;
}

/** A whole number from 0 on. */
export function parseCount(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw usageError(`${option} ${JSON.stringify(text)}: a number from 0 on is needed`);
  return Number(text);
}
