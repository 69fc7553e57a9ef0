import { dirname } from 'node:path';
import { step, together } from '../base';
import { createSettled } from '../runtime';
import type { ContainerRecord } from '../state';
import { removeFile, removeFilesLike } from './remove-files';
import type { Supervisor, SupervisorParts } from './supervisor';

/** Takes away whatever there is of a container that does not run, and forgets it. Every step is idempotent. */
export async function discardContainer(
  parts: SupervisorParts,
  supervisor: Supervisor,
  record: ContainerRecord,
): Promise<void> {
  const { kernel, storage, table } = parts;
  const { id } = record;
  const paths = parts.paths(id);
  if (record.phase !== 'removing') {
    await step('remove-container.removing', () => supervisor.update(id, (now) => ({ ...now, phase: 'removing' })));
  }
  if (!record.reaped) {
    await createSettled(paths.socket);
    await step('discard-container.delete', () => parts.runtimeOf(record).delete(id));
    await step('discard-container.cgroup', () => kernel.removeCgroup(record.cgroupPath, AbortSignal.timeout(30_000)));
    await step('discard-container.dismiss', () => supervisor.dismiss(id));
  }
  await step('remove-container.rootfs', () => storage.removeRootfs(id));
  // A monitor that was killed has left its sockets: its own, and those for terminals beside it.
  const removeFiles = () =>
    together([
      ...[paths.bundle, dirname(paths.pidFile)].map((folder) => kernel.removeTree(folder)),
      removeFile(paths.exitFile),
      removeFilesLike(paths.socket),
    ]);
  await step('remove-container.files', removeFiles);
  await step('remove-container.forget', () => table.delete(id));
}
