import path from 'node:path';
import { BerthError, step } from '../../base';
import { isRuntimeRefusal, type Monitor } from '../../runtime';
import type { ContainerRecord } from '../../state';
import type { CreateParts } from '../create-parts';
import { startError } from '../exit';
import type { Supervisor } from '../supervisor';
import { lastErrors } from './criu-log';
import { restoreFolder } from './open';

/**
 * Has CRIU bring a container's processes back. One that cannot be restored has ended when this rejects, `restore-failed`
 * with CRIU's words, which its status has too.
 */
export async function startRestored(
  parts: Pick<CreateParts, 'paths' | 'kernel'>,
  supervisor: Supervisor,
  { id }: ContainerRecord,
  monitor: Monitor,
  signal?: AbortSignal,
): Promise<void> {
  const { bundle } = parts.paths(id);
  try {
    await monitor.start(signal);
  } catch (error) {
    if (!isRuntimeRefusal(error)) throw error;
    const said = await lastErrors(path.join(bundle, 'restore.log'));
    const detail = said === '' ? error.detail : `${error.detail}; ${said}`;
    await supervisor.exited(id);
    await supervisor.update(id, (now) =>
      now.exit?.reason === startError ? { ...now, exit: { ...now.exit, message: detail } } : now,
    );
    throw new BerthError('restore-failed', { op: 'StartContainer', object: `container ${id}`, detail, cause: error });
  } finally {
    // As large as the container's memory, and of no more use: a restore is not tried again.
    if (monitor.state.kind !== 'created')
      await step('start-container.discard-checkpoint', () => parts.kernel.removeTree(restoreFolder(bundle)));
  }
}
