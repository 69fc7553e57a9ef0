import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BerthError, together } from '../base';
import { outsideId, type ProcessIdentity } from '../kernel';
import { rootOf, userNamespaceOf } from '../pods';
import { startContainerMonitor, type Monitor } from '../runtime';
import { containerSpec, type ResolvedUser } from '../spec';
import type { ContainerRecord, SandboxRecord } from '../state';
import { checkAppArmorProfile } from './app-armor';
import type { CreateParts } from './create-parts';
import { gatherSpecInput } from './gather';
import { journalFields } from './journal-fields';
import { makeLogFolder } from './log-path';
import { makeMountSources } from './mount-sources';
import { createOutcome } from './monitor-end';
import type { ContainerPaths } from './paths';

/** A container that the OCI runtime has created, not yet started. */
export interface Created {
  readonly monitor: Monitor;
  readonly init: ProcessIdentity;
  readonly user: ResolvedUser;
}

/** Makes what the record plans: root file system, spec, monitor, and by it the container itself. */
export async function makeContainer(
  parts: CreateParts,
  sandbox: SandboxRecord,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<Created> {
  const image = parts.findImage(record.imageId);
  if (!image) {
    throw new BerthError('image-not-found', {
      op: 'CreateContainer',
      object: `image ${record.imageId}`,
      detail: 'it was removed just now',
    });
  }
  const { kernel, storage } = parts;
  const { id } = record;
  const paths = parts.paths(id);
  const idmap = userNamespaceOf(sandbox.config);
  await Promise.all(
    [paths.bundle, dirname(paths.pidFile)].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })),
  );
  const [rootfsPath] = await together([
    storage.mountRootfs({ containerId: id, chainIds: image.chainIds, ...(idmap && { idmap }) }),
    makeMountSources(record.config),
    makeLogFolder(kernel, sandbox.config, record.logPath),
  ]);
  const input = await gatherSpecInput(parts, sandbox, record, image, rootfsPath);
  const { user } = input;
  const { spec, notes } = containerSpec(input);
  notes.forEach(parts.sayOnce);
  await checkAppArmorProfile(kernel, id, spec);
  await Promise.all([
    makeFoldersInRootfs(parts, rootfsPath, [spec.process.cwd, ...image.config.volumes], rootOf(idmap)),
    writeFile(paths.config, JSON.stringify(spec), { mode: 0o600 }),
  ]);
  return parts.pace.with(signal, () => createByMonitor(parts, sandbox, record, user, signal));
}

/** Starts the monitor, which has the OCI runtime create the container from the spec in its folder. */
async function createByMonitor(
  parts: CreateParts,
  sandbox: SandboxRecord,
  record: ContainerRecord,
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
    signal,
  });
  try {
    return { monitor, init: await monitor.created(signal), user };
  } catch (error) {
    // A runtime that is cut off half-way leaves what nobody can find: its outcome is awaited before the undo.
    if (monitor.state.kind === 'creating') await createOutcome(monitor);
    throw error;
  }
}

/** The working directory and the image's volumes are made where the image lacks them: inside its root, whatever links say. */
async function makeFoldersInRootfs(
  { kernel }: CreateParts,
  rootfs: string,
  folders: readonly string[],
  { uid, gid }: ReturnType<typeof rootOf>,
): Promise<void> {
  for (const path of folders) if (path !== '/') await kernel.mkdirInRoot(rootfs, path, 0o755, uid, gid);
}

/** Makes the folders that containers need, once at start. */
export async function makeContainerFolders({ bundle, socket, exitFile }: ContainerPaths): Promise<void> {
  for (const path of [bundle, socket, exitFile]) await mkdir(dirname(path), { recursive: true, mode: 0o700 });
}
