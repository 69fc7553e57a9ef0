import { isBerthError } from '../../base';
import { connectMonitor } from './client';
import type { Monitor } from './monitor';

/** How long an abandoned create gets to come to its end, and how long one that is killed. */
const createOutcomeMs = 30_000;
const killedMs = 10_000;

/**
 * Waits for the outcome of a create that was cut off, if its monitor is there still: a container of which the OCI runtime
 * has made one half only would not be found by its delete.
 */
export async function createSettled(socketPath: string): Promise<void> {
  try {
    await createOutcome(await connectMonitor(socketPath));
  } catch (error) {
    if (!isBerthError(error, 'monitor-lost')) throw error;
  }
}

/**
 * Waits until a create that nobody wants any more has come out one way or the other, and closes the connection. A runtime
 * that hangs is killed: nothing of it may be at work when the container is deleted.
 */
export async function createOutcome(monitor: Monitor, patienceMs: number = createOutcomeMs): Promise<void> {
  try {
    if (await comesOut(monitor, patienceMs)) return;
    await monitor.signal(9);
    await comesOut(monitor, killedMs);
  } catch (error) {
    if (!isBerthError(error)) throw error;
  } finally {
    monitor.close();
  }
}

/** Whether the create has ended, well or not, within this time. */
async function comesOut(monitor: Monitor, ms: number): Promise<boolean> {
  try {
    await monitor.created(AbortSignal.timeout(ms));
  } catch (error) {
    if (!isBerthError(error)) throw error;
  }
  return monitor.state.kind !== 'creating';
}
