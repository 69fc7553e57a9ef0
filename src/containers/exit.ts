import { nowNs } from '../base';
import type { ExitRecord, ExitStatus } from '../runtime';
import type { ContainerExit } from '../state';

/** CRI's exit code of an end that is not known: never 0, never invented (promise 4). */
const unknownExitCode = 255;

/** Both as containerd has them. */
const notStartedCode = 128;
export const startError = 'StartError';

/** A shell's convention, which the kubelet and its users expect of a process that a signal ended. */
const signalBase = 128;

/** The exit code that CRI reports. */
export function exitCodeOf(status: ExitStatus): number {
  switch (status.kind) {
    case 'exited':
      return status.code;
    case 'signaled':
      return signalBase + status.signal;
    case 'unknown':
      return unknownExitCode;
    case 'not-started':
      return notStartedCode;
    default:
      return status satisfies never;
  }
}

/** The monitor's record in CRI's words; OOMKilled only if the kernel counted it. */
export function containerExit(record: ExitRecord): ContainerExit {
  const exitCode = exitCodeOf(record.status);
  const { status } = record;
  const lost = record.bytesDropped > 0n ? `${record.bytesDropped} bytes of log could not be written` : '';
  return {
    exitCode,
    reason: reasonOf(record, exitCode),
    message: status.kind === 'unknown' || status.kind === 'not-started' ? status.reason : lost,
    finishedAt: record.finishedAt,
  };
}

function reasonOf({ oom, status }: ExitRecord, exitCode: number): string {
  if (oom !== 'no') return 'OOMKilled';
  if (status.kind === 'unknown') return 'Unknown';
  if (status.kind === 'not-started') return startError;
  return exitCode === 0 ? 'Completed' : 'Error';
}

/** What an end adds to a container's record. */
export interface Ending {
  readonly exit: ContainerExit;
  /** Of a start that may not have been written down before the end: nanoseconds since the epoch, 0 if none is known of. */
  readonly startedAt: bigint;
}

/** The end as the monitor tells it. */
export function endingOf(record: ExitRecord): Ending {
  return { exit: containerExit(record), startedAt: record.startedAt };
}

/** An end that nobody saw. */
export function unknownEnding(reason: string, message: string): Ending {
  return { exit: { exitCode: unknownExitCode, reason, message, finishedAt: nowNs() }, startedAt: 0n };
}
