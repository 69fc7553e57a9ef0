import { type ServiceError, status } from '@grpc/grpc-js';
import { CliError, exitStatus } from '../failure';

/** The line for a call that failed: berthd's own sentence, or how to reach a daemon where none answered. */
export function daemonError(error: ServiceError, op: string, socket: string, timeoutMs: number | undefined): CliError {
  const failed = (message: string, exit: number = exitStatus.failed) => new CliError(message, exit, { cause: error });
  switch (error.code) {
    case status.UNAVAILABLE:
      return failed(unavailable(error.details, op, socket));
    case status.DEADLINE_EXCEEDED:
      if (/^Deadline exceeded/.test(error.details)) {
        return failed(
          `${op}: no answer within ${(timeoutMs ?? 0) / 1000} s (wait longer with --timeout; it may yet be done)`,
        );
      }
      return failed(error.details);
    case status.CANCELLED:
      return failed(`${op}: interrupted`, exitStatus.interrupted);
    case status.UNIMPLEMENTED:
      return failed(`${op}: the runtime at unix://${socket} does not offer it: ${error.details}`);
    default:
      return failed(error.details || `${op} failed with gRPC status ${status[error.code]}`);
  }
}

/** True for the answer that an object is not there. */
export function isNotFound(error: unknown): boolean {
  return grpcCode(error) === status.NOT_FOUND;
}

/** True if the runtime has no such call. */
export function isUnimplemented(error: unknown): boolean {
  return grpcCode(error) === status.UNIMPLEMENTED;
}

/** True if no daemon answered, or it is still starting. */
export function isUnavailable(error: unknown): boolean {
  return grpcCode(error) === status.UNAVAILABLE;
}

/** True if nothing answers at the socket: then no daemon is the writer of its state. */
export function isUnreachable(error: unknown): boolean {
  return isUnavailable(error) && error instanceof CliError && /^no daemon answers at /.test(error.message);
}

/** Whether a call's stream ended with a status of gRPC. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error;
}

function grpcCode(error: unknown): unknown {
  const cause: unknown = error instanceof CliError ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}

function unavailable(details: string, op: string, socket: string): string {
  const connecting = /No connection established.*?(?:Last error: (.*?))?(?: Resolution note.*)?$/s.exec(details);
  if (!connecting)
    return /Connection dropped/.test(details) ? `${op}: the daemon went away before it answered` : details;
  const why = connecting[1] ?? 'no connection';
  if (/EACCES/.test(why))
    return `no access to the daemon's socket unix://${socket}: call berth as root, e.g. with sudo`;
  return (
    `no daemon answers at unix://${socket} (${/E[A-Z]+/.exec(why)?.[0] ?? why}): ` +
    'start it with `systemctl start berth` or `berthd`, or name another socket with --socket'
  );
}
