import { BerthError, isBerthError } from '../base';
import type { ProcessIdentity } from '../kernel';
import { type Monitor, runtimeCallMs } from '../runtime';
import { seccompRequest } from '../spec';
import type { ContainerRecord } from '../state';

/** What crun says of an init that has gone without a word. */
const goneWithoutWord = /read from the init process/i;

/** What is to be judged: whose profile it is, by its record. */
export type Filtered = Pick<ContainerRecord, 'id' | 'config'>;

/**
 * The error that a create or start is answered with: where it says no more than that init has gone before it ran the command, and the
 * container has a profile of the node's, that is named. Init runs under it from before the start on, and what kills it there
 * (SCMP_ACT_KILL, or an errno that the runtime cannot go on with) leaves no message.
 */
export function suspectSeccomp(op: string, container: Filtered, error: unknown): unknown {
  const silent =
    isBerthError(error, 'container-state') ||
    (isBerthError(error, 'runtime-failed') && goneWithoutWord.test(error.detail));
  const profile = profileOf(container);
  return silent && profile !== undefined ? suspected(op, container, profile, error.detail, error) : error;
}

/**
 * Waits for the runtime to create the container. runc waits without an end for an init that the filter has killed a thread of
 * (SCMP_ACT_KILL): under a profile of the node's it is killed when it has had as long as any other call of the runtime.
 */
export async function createdInTime(
  monitor: Pick<Monitor, 'created' | 'signal'>,
  container: Filtered,
  signal?: AbortSignal,
  ms: number = runtimeCallMs,
): Promise<ProcessIdentity> {
  const profile = profileOf(container);
  if (profile === undefined) return monitor.created(signal);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    // A monitor that cannot be asked has been lost, which the wait tells.
    monitor.signal(9).catch(() => undefined);
  }, ms);
  try {
    return await monitor.created(signal);
  } catch (error) {
    const detail = `the OCI runtime has not created it within ${ms / 1000} s and was killed`;
    throw late
      ? suspected('CreateContainer', container, profile, detail, error)
      : suspectSeccomp('CreateContainer', container, error);
  } finally {
    clearTimeout(timer);
  }
}

/** The path of a profile of the node's. RuntimeDefault lets every process start. */
function profileOf({ id, config }: Filtered): string | undefined {
  const request = seccompRequest(id, config.linux?.securityContext);
  return request.kind === 'localhost' ? request.path : undefined;
}

function suspected(op: string, { id }: Filtered, profile: string, detail: string, cause: unknown): BerthError {
  return new BerthError('container-seccomp', {
    op,
    object: `container ${id}`,
    detail: `${detail}: its seccomp profile ${profile} seems to deny what the OCI runtime needs to start a process`,
    remedy:
      'let the profile allow what the OCI runtime calls before the command runs (execve, futex, write and others), or use RuntimeDefault',
    cause,
  });
}
