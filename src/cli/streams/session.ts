import { isBerthError } from '../../base';
import type { ExecClient } from '../../streaming';
import { CliError, exitStatus } from '../failure';
import { type Io, copy } from '../io';
import type { Terminal } from '../terminal/terminal';
import { passInput } from './input';
import { followSize } from './sizes';

/** What of ours a session is joined to. */
export interface SessionOptions {
  /** Where the session has a terminal: ours. */
  readonly terminal: Terminal | undefined;
  /** The keys that leave it, where there is a terminal; empty for none. */
  readonly detachKeys: Buffer;
}

export type SessionEnd = { readonly kind: 'exited'; readonly code: number } | { readonly kind: 'detached' };

/** Joins a session's streams to ours until it ends, or until the keys to leave it are pressed. The caller then ends it. */
export async function joinStreams(session: ExecClient, io: Io, options: SessionOptions): Promise<SessionEnd> {
  const { terminal, detachKeys } = options;
  using input = session.stdin && passInput(io, session.stdin, terminal ? detachKeys : Buffer.alloc(0));
  using _raw = input && terminal?.raw();
  using _sizes = terminal && followSize(terminal, session);
  const ended = outputs(session, io);
  // After a detach it breaks off, which is nobody's affair.
  ended.catch(() => undefined);
  const detached = input?.detached.then((): SessionEnd => ({ kind: 'detached' }));
  return await Promise.race([ended, ...(detached ? [detached] : [])]);
}

async function outputs(session: ExecClient, io: Io): Promise<SessionEnd> {
  await Promise.all([copy(session.stdout, io.stdout), copy(session.stderr, io.stderr)]);
  return { kind: 'exited', code: await session.status };
}

/** A session to be opened, and how its failures are told. */
export interface SessionPlan extends SessionOptions {
  readonly op: string;
  /** The session ends when the signal is aborted. */
  readonly open: (signal: AbortSignal) => Promise<ExecClient>;
  /** What it means that the connection was lost. */
  readonly lost: string;
}

/** Opens a session, joins it to ours, and ends it: when it has ended by itself, by the keys, by Ctrl-C or SIGTERM. */
export async function runSession(io: Io, plan: SessionPlan): Promise<SessionEnd> {
  const left = new AbortController();
  using _ = io.onInterrupt(() => left.abort());
  try {
    return await joinStreams(await plan.open(left.signal), io, plan);
  } catch (cause) {
    if (left.signal.aborted) throw new CliError(`${plan.op}: interrupted`, exitStatus.interrupted, { cause });
    // The daemon's own sentence, remedy and all.
    if (isBerthError(cause, 'program-failed')) throw new CliError(cause.detail, exitStatus.failed, { cause });
    if (isBerthError(cause, 'call-cancelled')) throw new CliError(plan.lost, exitStatus.failed, { cause });
    throw cause;
  } finally {
    // Where our own output broke off the session is of no more use.
    left.abort();
  }
}
