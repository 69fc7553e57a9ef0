import { badField } from './required';

/** What Exec and Attach say of the streams that a client wants. */
interface StreamFlags {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** CRI: at least one stream has to be asked for, and a terminal has no stderr of its own. */
export function checkStreams(op: string, { tty, stdin, stdout, stderr }: StreamFlags): void {
  if (!stdin && !stdout && !stderr) throw badField(op, 'stdin, stdout, stderr', 'none is set; at least one has to be');
  if (tty && stderr) throw badField(op, 'stderr', 'is set with tty: a terminal has one output');
}
