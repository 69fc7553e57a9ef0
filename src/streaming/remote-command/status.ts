import { z } from 'zod';
import { BerthError, messageOf } from '../../base';
import { type CommandVersion, hasStatus } from './protocols';

/** How a command ended, as the error stream tells it. */
export type CommandOutcome =
  { readonly kind: 'exited'; readonly code: number } | { readonly kind: 'failed'; readonly message: string };

/** The outcome of a target's promise. */
export async function outcomeOf(exit: Promise<number>): Promise<CommandOutcome> {
  try {
    return { kind: 'exited', code: await exit };
  } catch (error) {
    return { kind: 'failed', message: messageOf(error) };
  }
}

/** What is written to the error stream: a JSON Status from v4 on, before that plain text, and only on failure. */
export function encodeOutcome(outcome: CommandOutcome, version: CommandVersion): string {
  if (!hasStatus(version)) return plainText(outcome);
  const failure = { metadata: {}, status: 'Failure' };
  switch (outcome.kind) {
    case 'failed':
      return JSON.stringify({
        ...failure,
        reason: 'InternalError',
        code: 500,
        message: outcome.message,
        details: { causes: [{ message: outcome.message }] },
      });
    case 'exited':
      if (outcome.code === 0) return JSON.stringify({ metadata: {}, status: 'Success' });
      return JSON.stringify({
        ...failure,
        reason: 'NonZeroExitCode',
        message: plainText(outcome),
        details: { causes: [{ reason: 'ExitCode', message: String(outcome.code) }] },
      });
    default:
      return outcome satisfies never;
  }
}

function plainText(outcome: CommandOutcome): string {
  if (outcome.kind === 'failed') return outcome.message;
  return outcome.code === 0 ? '' : `command terminated with non-zero exit code: exit status ${outcome.code}`;
}

const statusSchema = z.object({
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
  details: z
    .object({ causes: z.array(z.object({ reason: z.string().optional(), message: z.string().optional() })).optional() })
    .optional(),
});

/** Reads a v4 status from the error stream. Throws `stream-protocol` if it is none. */
export function decodeOutcome(text: string): CommandOutcome {
  const status = statusSchema.safeParse(parseJson(text));
  if (!status.success) throw badStatus(text);
  const { data } = status;
  if (data.status === 'Success') return { kind: 'exited', code: 0 };
  const exitCode = data.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (data.reason !== 'NonZeroExitCode') {
    return { kind: 'failed', message: data.message ?? data.reason ?? 'the command failed' };
  }
  if (exitCode === undefined || !/^\d{1,3}$/.test(exitCode)) throw badStatus(text);
  return { kind: 'exited', code: Number(exitCode) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badStatus(text, cause);
  }
}

function badStatus(text: string, cause?: unknown): BerthError {
  return new BerthError('stream-protocol', {
    op: 'exec',
    detail: `the status on the error stream cannot be read: ${JSON.stringify(text.slice(0, 200))}`,
    cause,
  });
}
