import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BerthError, errnoOf, messageOf, newId, nowNs, together } from '../base';
import type { ProcessIdentity } from '../kernel';
import { hostFacts, sandboxHostname, sharesHostIpc, sharesHostNetwork, type Sandboxes } from '../pods';
import { startContainerMonitor, type Handlers, type Monitor } from '../runtime';
import {
  accountFileLimit,
  containerSpec,
  resolveUser,
  seccompRequest,
  stopSignal,
  userRequest,
  type PidNamespace,
  type ResolvedUser,
  type SandboxPart,
  type SeccompProfileFile,
  type Spec,
} from '../spec';
import type { ContainerRecord, ImageRecord, SandboxRecord } from '../state';
import type { ContainerConfig, ImageSpec } from '../wire';
import { resolveDevices } from './devices';
import { mountImageVolumes, volumeImages } from './image-volumes';
import { journalFields } from './journal-fields';
import { logPathOf, makeLogFolder } from './log-path';
import { makeMountSources, resolveMountSources } from './mount-sources';
import { createOutcome } from './monitor-end';
import type { ContainerPaths } from './paths';
import { pidNamespace } from './pid-namespace';
import type { SupervisorParts } from './supervisor';

/** What creating needs beside what supervising needs. */
export interface CreateParts extends SupervisorParts {
  readonly sandboxes: Sandboxes;
  readonly handlers: Handlers;
  readonly findImage: (reference: string) => ImageRecord | undefined;
  /** Throws if the signature policy of a namespace refuses the image. */
  readonly admitImage: (image: ImageRecord, asked: string, namespace: string) => Promise<void>;
  readonly conmonPath: string;
  readonly logs: LogSettings;
  /** Says a thing about this machine once: what a container asked for and cannot have here. */
  readonly sayOnce: (note: string) => void;
}

/** What is the same for every container's log. */
export interface LogSettings {
  /** Bytes from which a log is put aside as `<log>.1`; 0: none. */
  readonly sizeMax: number;
  readonly toJournald: boolean;
}

const maxSeccompProfile = 4 * 1024 ** 2;

/** The record of a container that is about to be made: everything that its removal needs, written before all else. */
export async function planContainer(
  parts: CreateParts,
  sandbox: SandboxRecord,
  config: ContainerConfig,
): Promise<ContainerRecord> {
  const reference = config.image?.image ?? '';
  const image = parts.findImage(reference);
  if (!image) {
    throw new BerthError('image-not-found', {
      op: 'CreateContainer',
      object: `image ${reference}`,
      detail: 'it is not on this node',
    });
  }
  if (image.artifact) {
    throw new BerthError('image-unsupported', {
      op: 'CreateContainer',
      object: `image ${reference}`,
      detail: `it is an artifact of type ${JSON.stringify(image.artifact.type.slice(0, 200))}, which holds no file system to run`,
      remedy: 'mount it as an image volume',
    });
  }
  const volumes = volumeImages(config, parts.findImage);
  const mounted = volumes.map((volume) => ({ image: volume.image, named: volume.mount.image }));
  await admitImages(parts, sandbox, [{ image, named: config.image }, ...mounted]);
  const handler = await parts.handlers.resolve(sandbox.handler);
  const id = newId();
  return {
    v: 1,
    id,
    sandboxId: sandbox.id,
    phase: 'creating',
    config,
    imageId: image.id,
    imageRef: image.id,
    ...(volumes.length > 0 && { volumeImages: volumes.map((volume) => volume.image.id) }),
    logPath: logPathOf(sandbox.config, config),
    createdAt: nowNs(),
    startedAt: 0n,
    runtimePath: handler.path,
    runtimeRoot: handler.root,
    bootId: parts.kernel.facts.bootId,
    cgroupPath: `${sandbox.cgroupParent}/${id}`,
    user: { uid: 0, gid: 0, groups: [] },
    stopSignal: stopSignal(config.stopSignal, image.config.stopSignal),
  };
}

/** Asks the policy of the pod's namespace for each image, by the name that the pod has: the kubelet asks by id. */
async function admitImages(
  parts: CreateParts,
  sandbox: SandboxRecord,
  images: readonly { readonly image: ImageRecord; readonly named: ImageSpec | undefined }[],
): Promise<void> {
  const namespace = sandbox.config.metadata?.namespace ?? '';
  for (const { image, named } of images) {
    await parts.admitImage(image, named?.userSpecifiedImage || named?.image || image.id, namespace);
  }
}

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
  await Promise.all(
    [paths.bundle, dirname(paths.pidFile)].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })),
  );
  const [rootfsPath] = await together([
    storage.mountRootfs({ containerId: id, chainIds: image.chainIds }),
    makeMountSources(record.config),
    makeLogFolder(kernel, sandbox.config, record.logPath),
  ]);
  const [user, config, devices, seccompProfile, pids] = await together([
    resolveContainerUser(parts, id, rootfsPath, record.config, image),
    mountImageVolumes(parts, record).then(resolveMountSources),
    resolveDevices(record.config),
    readSeccompProfile(id, record.config),
    pidNamespace(kernel, record.config, sandbox, parts.table),
  ]);
  const { spec, notes } = containerSpec({
    id,
    config,
    sandbox: sandboxPart(sandbox, pids),
    image: image.config,
    user,
    rootfsPath,
    cgroupPath: record.cgroupPath,
    files: podFiles(parts.sandboxes, sandbox),
    devices,
    facts: hostFacts(kernel),
    defaults: { env: [] },
    seccompProfile,
  });
  notes.forEach(parts.sayOnce);
  await Promise.all([
    makeFoldersInRootfs(parts, rootfsPath, spec, image),
    writeFile(paths.config, JSON.stringify(spec), { mode: 0o600 }),
  ]);
  const monitor = await startContainerMonitor(kernel, {
    conmonPath: parts.conmonPath,
    id,
    bundle: paths.bundle,
    runtimePath: record.runtimePath,
    runtimeRoot: record.runtimeRoot,
    socketPath: paths.socket,
    exitFile: paths.exitFile,
    pidFile: paths.pidFile,
    logPath: record.logPath || undefined,
    logSizeMax: parts.logs.sizeMax,
    journalFields: parts.logs.toJournald ? journalFields(id, sandbox.config, record.config) : undefined,
    tty: record.config.tty,
    stdin: record.config.stdin,
    stdinOnce: record.config.stdinOnce,
    uid: user.uid,
    gid: user.gid,
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

function sandboxPart(sandbox: SandboxRecord, pids: PidNamespace): SandboxPart {
  return {
    id: sandbox.id,
    config: sandbox.config,
    ...(sandbox.netns ? { netns: sandbox.netns } : {}),
    ...(sandbox.ipcns ? { ipcns: sandbox.ipcns } : {}),
    ...(sandbox.utsns ? { utsns: sandbox.utsns } : {}),
    pidNamespace: pids,
    hostname: sandboxHostname(sandbox.config),
  };
}

function podFiles(sandboxes: Sandboxes, sandbox: SandboxRecord) {
  const { resolvConf, hostname, shm } = sandboxes.paths(sandbox.id);
  return {
    resolvConf,
    ...(sharesHostNetwork(sandbox.config) ? {} : { hostname }),
    shm: sharesHostIpc(sandbox.config) ? '/dev/shm' : shm,
  };
}

async function resolveContainerUser(
  parts: CreateParts,
  id: string,
  rootfs: string,
  config: ContainerConfig,
  image: ImageRecord,
): Promise<ResolvedUser> {
  const read = async (path: string) =>
    (await parts.kernel.readInRoot(rootfs, path, accountFileLimit))?.toString('utf8');
  const [passwd, group] = await Promise.all([read('/etc/passwd'), read('/etc/group')]);
  return resolveUser({ ...userRequest(id, config, image.config.user), passwd, group });
}

async function readSeccompProfile(id: string, config: ContainerConfig): Promise<SeccompProfileFile | undefined> {
  const request = seccompRequest(id, config.linux?.securityContext);
  if (request.kind !== 'localhost') return undefined;
  const { path } = request;
  const fail = (detail: string, cause?: unknown) =>
    new BerthError('argument-invalid', { op: 'CreateContainer', object: `seccomp profile ${path}`, detail, cause });
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > maxSeccompProfile) throw fail(`it is larger than ${maxSeccompProfile} bytes`);
    return { name: path, text };
  } catch (error) {
    if (error instanceof BerthError) throw error;
    throw fail(errnoOf(error) ?? messageOf(error), error);
  }
}

/** The working directory and the image's volumes are made where the image lacks them: inside its root, whatever links say. */
async function makeFoldersInRootfs(parts: CreateParts, rootfs: string, spec: Spec, image: ImageRecord): Promise<void> {
  for (const path of [spec.process.cwd, ...image.config.volumes]) {
    if (path !== '/') await parts.kernel.mkdirInRoot(rootfs, path, 0o755, 0, 0);
  }
}

/** Makes the folders that containers need, once at start. */
export async function makeContainerFolders({ bundle, socket, exitFile }: ContainerPaths): Promise<void> {
  for (const path of [bundle, socket, exitFile]) await mkdir(dirname(path), { recursive: true, mode: 0o700 });
}
