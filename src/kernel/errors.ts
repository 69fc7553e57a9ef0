import { constants } from 'node:os';
import { BerthError, Decoder, errnoOf, type ErrorCode, messageOf } from '../base';
import type { Frame } from './protocol/frames';
import { Status } from './protocol/ops';

/** What an operation is called in errors, and what it works on. */
export interface Subject {
  readonly op: string;
  readonly object?: string;
}

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** The name of an errno, `ENOENT`. */
export function errnoName(number: number): string {
  return names.get(number) ?? `errno ${number}`;
}

const full = new Set(['ENOSPC', 'EDQUOT']);
const absent = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'ENOEXEC', 'EISDIR']);

function codeOf(status: number, errno: string): ErrorCode {
  if (full.has(errno)) return 'storage-full';
  if (errno === 'EXDEV') return 'path-escapes-root';
  return status === Status.exec && absent.has(errno) ? 'program-missing' : 'kernel-refused';
}

/** The error of an answer whose status is not ok. */
export function replyError(subject: Subject, frame: Frame): BerthError {
  const payload = new Decoder(frame.payload);
  const errno = errnoName(payload.u32());
  const message = payload.str();
  switch (frame.status) {
    case Status.timedOut:
      return new BerthError('deadline-exceeded', { ...subject, detail: message });
    case Status.cancelled:
      return new BerthError('call-cancelled', { ...subject, detail: message });
    case Status.died:
      return new BerthError('program-failed', { ...subject, detail: message });
    default:
      return new BerthError(codeOf(frame.status, errno), { ...subject, detail: `${message}: ${errno}` });
  }
}

/** The error of a file operation of Node's own. */
export function fileError(subject: Subject, error: unknown): BerthError {
  const errno = errnoOf(error) ?? '';
  return new BerthError(codeOf(Status.failed, errno), { ...subject, detail: messageOf(error), cause: error });
}

/** The launcher ended while it was asked, or cannot be started. */
export function lostError(subject: Subject, detail: string, cause?: unknown): BerthError {
  return new BerthError('launcher-lost', { ...subject, detail, cause });
}
