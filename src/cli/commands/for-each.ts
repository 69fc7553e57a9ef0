import { CliError, exitStatus, failureOf } from '../failure';
import { type Io, write } from '../io';

/** Does one after the other, goes on past failures, and fails at the end as the first of them did. */
export async function forEach(names: readonly string[], io: Io, act: (name: string) => Promise<void>): Promise<void> {
  const failures: string[] = [];
  for (const name of names) {
    try {
      await act(name);
    } catch (error) {
      const { status, line } = failureOf(error);
      // A broken pipe or an interruption is not about this one object.
      if (status !== exitStatus.failed || names.length === 1) throw error;
      failures.push(name);
      await write(io.stderr, `berth: ${line}\n`);
    }
  }
  if (failures.length > 0) throw new CliError(`${failures.length} of ${names.length} failed: ${failures.join(', ')}`);
}
