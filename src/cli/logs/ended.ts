import { setTimeout } from 'node:timers/promises';
import { ContainerState, type ContainerStatus } from '../../wire';
import { type Daemon, isNotFound, isUnavailable } from '../daemon';
import { CliError } from '../failure';

const shortestMs = 20;
const longestMs = 500;
/** A daemon that is restarted leaves its containers running: so long it is waited for. */
const awayMs = 30_000;

/**
 * Waits until the container no longer runs and gives its last status; undefined if it has been removed. CRI has no
 * call that waits: short lives are asked about often, long ones seldom.
 */
export async function untilEnded(
  daemon: Daemon,
  id: string,
  signal?: AbortSignal,
): Promise<ContainerStatus | undefined> {
  const began = performance.now();
  let answered = began;
  for (;;) {
    try {
      const status = await statusOf(daemon, id);
      if (!status || !mayRun(status.state)) return status;
      answered = performance.now();
    } catch (error) {
      if (!isUnavailable(error) || performance.now() - answered > awayMs) throw error;
    }
    const elapsed = performance.now() - began;
    await setTimeout(Math.min(longestMs, Math.max(shortestMs, elapsed / 10)), undefined, { signal });
  }
}

function mayRun(state: ContainerState): boolean {
  return state === ContainerState.CONTAINER_RUNNING || state === ContainerState.CONTAINER_CREATED;
}

async function statusOf(daemon: Daemon, id: string): Promise<ContainerStatus | undefined> {
  try {
    const { status } = await daemon.containerStatus(id);
    if (!status) throw new CliError(`the daemon gives no status of container ${id}`);
    return status;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
