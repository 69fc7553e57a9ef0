import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BerthError, isBerthError, Observations, step, together } from '../base';
import { outsideId, type ProcessIdentity } from '../kernel';
import { rootOf, userNamespaceOf } from '../pods';
import { startContainerMonitor, type Monitor } from '../runtime';
import { containerSpec, type ResolvedUser } from '../spec';
import type { ContainerRecord, SandboxRecord } from '../state';
import { checkAppArmorProfile } from './app-armor';
import { restoreRoot, type OpenCheckpoint } from './checkpoint/open';
import { restorableSpec, restoredImage } from './checkpoint/restored';
import type { CreateParts } from './create-parts';
import { gatherSpecInput } from './gather';
import { journalFields } from './journal-fields';
import { makeLogFolder } from './log-path';
import { makeMountSources } from './mount-sources';
import { createdInTime } from './seccomp-suspect';
import type { ContainerPaths } from './paths';

/** A container that the OCI runtime has created, not yet started. */
export interface Created {
  readonly monitor: Monitor;
  /** None of one that is to be restored. */
  readonly init?: ProcessIdentity;
  readonly user: ResolvedUser;
}

/** Makes what the record plans: root file system, spec, monitor, and by it the container itself, unless it is to be restored. */
export async function makeContainer(
  parts: CreateParts,
  sandbox: SandboxRecord,
  record: ContainerRecord,
  checkpoint: OpenCheckpoint | undefined,
  signal: AbortSignal,
): Promise<Created> {
  const ours = parts.findImage(record.imageId);
  if (!ours) {
    throw new BerthError('image-not-found', {
      op: 'CreateContainer',
      object: `image ${record.imageId}`,
      detail: 'it was removed just now',
    });
  }
  const image = checkpoint ? { ...ours, config: restoredImage(ours.config, checkpoint.spec, record.config) } : ours;
  const { kernel, storage } = parts;
  const { id } = record;
  const paths = parts.paths(id);
  const idmap = userNamespaceOf(sandbox.config);
  const folders = [paths.bundle, dirname(paths.pidFile)];
  await step('create-container.folders', () =>
    together(folders.map((folder) => mkdir(folder, { recursive: true, mode: 0o700 }))),
  );
  const [rootfsPath] = await together([
    step('create-container.rootfs', () =>
      storage.mountRootfs({ containerId: id, chainIds: image.chainIds, ...(idmap && { idmap }) }),
    ),
    step('create-container.mount-sources', () => makeMountSources(kernel, record.config)),
    step('create-container.log-folder', () => makeLogFolder(kernel, sandbox.config, record.logPath)),
  ]);
  if (checkpoint) {
    await step('create-container.restore-root', () => restoreRoot(parts, id, checkpoint, signal));
  }
  const input = await step('create-container.gather', () => gatherSpecInput(parts, sandbox, record, image, rootfsPath));
  const { user } = input;
  const { spec: made, notes } = containerSpec(input);
  notes.forEach(parts.sayOnce);
  const spec = checkpoint
    ? await step('create-container.restore-spec', () => restorableSpec(parts, record, checkpoint, made))
    : made;
  await checkAppArmorProfile(kernel, id, spec);
  const writeSpec = () => writeFile(paths.config, JSON.stringify(spec), { mode: 0o600 });
  await step('create-container.spec', () =>
    together([
      makeFolderInRootfs(parts, rootfsPath, spec.process.cwd, 'working directory', rootOf(idmap)),
      ...image.config.volumes.map((path) =>
        makeFolderInRootfs(parts, rootfsPath, path, "the image's volume", rootOf(idmap)),
      ),
      writeSpec(),
    ]),
  );
  const { observations = new Observations() } = parts;
  return parts.pace.with(signal, () =>
    observations.time({ kind: 'runtime', operation: 'create', handler: sandbox.handler }, () =>
      createByMonitor(parts, sandbox, record, checkpoint, user, signal),
    ),
  );
}

/** Starts the monitor, which has the OCI runtime create the container from the spec in its folder. */
async function createByMonitor(
  parts: CreateParts,
  sandbox: SandboxRecord,
  record: ContainerRecord,
  checkpoint: OpenCheckpoint | undefined,
  user: ResolvedUser,
  signal: AbortSignal,
): Promise<Created> {
  const { id } = record;
  const paths = parts.paths(id);
  const logs = parts.logs();
  const idmap = userNamespaceOf(sandbox.config);
  const monitor = await startContainerMonitor(parts.kernel, {
    conmonPath: parts.conmonPath,
    id,
    bundle: paths.bundle,
    runtimePath: record.runtimePath,
    runtimeRoot: record.runtimeRoot,
    runtimeOptions: record.runtimeOptions ?? [],
    socketPath: paths.socket,
    exitFile: paths.exitFile,
    pidFile: paths.pidFile,
    logPath: record.logPath || undefined,
    logSizeMax: logs.sizeMax,
    journalFields: logs.toJournald ? journalFields(id, sandbox.config, record.config) : undefined,
    tty: record.config.tty,
    stdin: record.config.stdin,
    stdinOnce: record.config.stdinOnce,
    uid: outsideId(idmap?.uids, user.uid),
    gid: outsideId(idmap?.gids, user.gid),
    restore: checkpoint && {
      imagePath: checkpoint.images,
      workPath: paths.bundle,
      criuPath: checkpoint.criuPath,
    },
    signal,
  });
  try {
    const init = await step('create-container.runtime', async () => {
      if (!checkpoint) return createdInTime(monitor, record, signal);
      await monitor.prepared(signal);
      return undefined;
    });
    return { monitor, user, ...(init && { init }) };
  } catch (error) {
    monitor.close();
    throw error;
  }
}

/** The working directory and the image's volumes are made where the image lacks them: inside its root, whatever links say. */
async function makeFolderInRootfs(
  { kernel }: CreateParts,
  rootfs: string,
  path: string,
  what: string,
  { uid, gid }: ReturnType<typeof rootOf>,
): Promise<void> {
  if (path === '/') return;
  await kernel.mkdirInRoot(rootfs, path, 0o755, uid, gid).catch((cause: unknown) => {
    if (!isBerthError(cause, 'kernel-refused')) throw cause;
    throw new BerthError('container-command', {
      op: 'CreateContainer',
      object: `${what} ${path}`,
      detail: `it cannot be made in the container: ${cause.detail}`,
      remedy: 'use a path of which the image has no part as a file',
      cause,
    });
  });
}

/** Makes the folders that containers need, once at start. */
export async function makeContainerFolders({ bundle, socket, exitFile }: ContainerPaths): Promise<void> {
  for (const path of [bundle, socket, exitFile]) await mkdir(dirname(path), { recursive: true, mode: 0o700 });
}
