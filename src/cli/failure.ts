import { errnoOf, isBerthError, messageOf } from '../base';

/** Exit statuses that are berth's own: `run` and `exec` end with their command's, or with `engine`. */
export const exitStatus = { ok: 0, failed: 1, usage: 2, engine: 125, interrupted: 130, brokenPipe: 141 } as const;

/** A failure that is told in one line and ends berth with a status. */
export class CliError extends Error {
  constructor(
    message: string,
    readonly status: number = exitStatus.failed,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'CliError';
  }
}

/** What was asked for makes no sense: nothing has been done. */
export function usageError(message: string): CliError {
  return new CliError(message, exitStatus.usage);
}

/** Gives every failure of the function but a wrong usage the status by which docker's users tell it from a command's own. */
export async function asEngine<T>(fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (cause) {
    const { status, line } = failureOf(cause);
    throw status === exitStatus.failed ? new CliError(line ?? '', exitStatus.engine, { cause }) : cause;
  }
}

/** The exit status for whatever was thrown, and the line to print, if one is due. */
export function failureOf(error: unknown): { readonly status: number; readonly line: string | undefined } {
  if (error instanceof CliError) return { status: error.status, line: oneLine(error.message) };
  // The reader of our output has gone, as in `berth logs x | head`: nothing is left to say, or to say it to.
  if (errnoOf(error) === 'EPIPE') return { status: exitStatus.brokenPipe, line: undefined };
  if (isBerthError(error, 'call-cancelled')) return { status: exitStatus.interrupted, line: oneLine(error.message) };
  return { status: exitStatus.failed, line: oneLine(messageOf(error)) };
}

/** Text from elsewhere, safe for a terminal: in one line and without control characters. */
export function oneLine(text: string): string {
  return printable(text.trim().replace(/\s*[\r\n]+\s*/g, ' | '));
}

/** The text with each control character replaced: names and messages come from images and clusters. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
