import { CommanderError } from 'commander';
import type { Context } from './command';
import { exitStatus, failureOf } from './failure';
import { type Io, write } from './io';
import { createProgram } from './program';

/** Runs one command line and gives the exit status. Never rejects. */
export async function berth(args: readonly string[], io: Io): Promise<number> {
  const context: Context = { io, status: exitStatus.ok };
  try {
    await createProgram(context).parseAsync(helpAsOption(args), { from: 'user' });
    return context.status;
  } catch (error) {
    // Commander has said what is wrong, or has printed the help or the version that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.ok : exitStatus.usage;
    const { status, line } = failureOf(error);
    // Where stderr is gone too the status alone has to tell.
    if (line !== undefined) await write(io.stderr, `berth: ${line}\n`).catch(() => undefined);
    return status;
  }
}

/** `berth help ps` is `berth ps --help`: a command's options are known once it has been loaded. */
function helpAsOption(args: readonly string[]): string[] {
  const [first, ...rest] = args;
  return first === 'help' ? [...rest.slice(0, 1), '--help'] : [...args];
}
