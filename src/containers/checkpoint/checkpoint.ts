import fs from 'node:fs/promises';
import path from 'node:path';
import { BerthError, errnoOf, isBerthError, messageOf, UndoScope } from '../../base';
import { userNamespaceOf } from '../../pods';
import type { OciRuntime } from '../../runtime';
import { pathProblem } from '../../spec';
import type { ContainerRecord } from '../../state';
import type { RootfsRequest } from '../../storage';
import { readSpec } from '../bundle';
import type { CreateParts } from '../create-parts';
import type { Supervisor } from '../supervisor';
import { addChanges, addTree, writeTar } from './archive';
import { lastErrors } from './criu-log';
import { configDump, specDump } from './dumps';

/** Where it is written, and how long it may take. */
export interface CheckpointTarget {
  /** Absolute path of the archive. */
  readonly location: string;
  readonly timeoutMs: number;
}

const op = 'CheckpointContainer';

/**
 * Writes the state of a running container into an archive in the form that CRI-O, Podman and containerd have: CRIU's images,
 * and how the root differs from the image. The container stands still meanwhile, then goes on.
 */
export async function checkpointContainer(
  parts: CreateParts,
  supervisor: Supervisor,
  record: ContainerRecord,
  { location, timeoutMs }: CheckpointTarget,
): Promise<void> {
  const object = `container ${record.id}`;
  const image = parts.findImage(record.imageId);
  if (!image) throw new BerthError('image-not-found', { op, object, detail: `its image ${record.imageId} is gone` });
  await checkLocation(location);
  const criuPath = await parts.findCriu();
  const signal = AbortSignal.timeout(timeoutMs);
  const paths = parts.paths(record.id);
  // In the container's own folder: what a berthd that is killed leaves goes with the container.
  const dir = path.join(paths.bundle, 'checkpoint');
  await parts.kernel.removeTree(dir);
  await using undo = new UndoScope(parts.log);
  undo.add('remove the checkpoint', () => parts.kernel.removeTree(dir));
  const images = path.join(dir, 'checkpoint');
  await fs.mkdir(images, { recursive: true, mode: 0o700 });
  const spec = await readSpec(paths.config, record.id);
  const pod = parts.sandboxes.get(record.sandboxId);
  const idmap = pod && userNamespaceOf(pod.config);

  await standingStill(parts, supervisor, record, async (runtime) => {
    await dump(runtime, record.id, { imagePath: images, workPath: dir, criuPath, timeoutMs });
    const request = { containerId: record.id, chainIds: image.chainIds };
    await writeChanges(parts, dir, { ...request, ...(idmap && { idmap }) }, signal);
  });
  await fs.writeFile(path.join(dir, 'config.dump'), configDump(record, new Date()), { mode: 0o600 });
  await fs.writeFile(path.join(dir, 'spec.dump'), specDump(spec), { mode: 0o600 });
  await writeArchive(location, dir, signal);
}

/** Runs the work with the container paused. The record says so before: a berthd that starts lets it go on. */
async function standingStill(
  parts: CreateParts,
  supervisor: Supervisor,
  { id }: ContainerRecord,
  work: (runtime: OciRuntime) => Promise<void>,
): Promise<void> {
  const record = await supervisor.update(id, (now) => ({ ...now, paused: true }));
  if (!record) throw new BerthError('container-not-found', { op, object: `container ${id}`, detail: 'it is gone' });
  const runtime = parts.runtimeOf(record);
  try {
    await runtime.pause(id);
    await work(runtime);
  } finally {
    await letGoOn(parts, supervisor, record);
  }
}

/** Lets a container go on that a checkpoint has paused; one that is not paused is success. */
export async function letGoOn(
  parts: Pick<CreateParts, 'runtimeOf'>,
  supervisor: Supervisor,
  record: ContainerRecord,
): Promise<void> {
  const runtime = parts.runtimeOf(record);
  const state = await runtime.state(record.id);
  if (state?.status === 'paused') await runtime.resume(record.id);
  await supervisor.update(record.id, ({ paused: _paused, ...now }) => now);
}

/**
 * Has CRIU write its images; what it says of a failure is in its log.
 * @throws `checkpoint-failed`: this container, or this node, is not as CRIU needs it.
 */
async function dump(runtime: OciRuntime, id: string, request: Parameters<OciRuntime['checkpoint']>[1]): Promise<void> {
  try {
    await runtime.checkpoint(id, request);
  } catch (error) {
    if (!isBerthError(error, 'runtime-failed')) throw error;
    const detail = (await lastErrors(path.join(request.workPath, 'dump.log'))) || error.detail;
    throw new BerthError('checkpoint-failed', { op, object: `container ${id}`, detail, cause: error });
  }
}

/** `rootfs-diff.tar` and `deleted.files`: with both, the image's root becomes the container's. */
async function writeChanges(
  parts: CreateParts,
  dir: string,
  request: RootfsRequest,
  signal: AbortSignal,
): Promise<void> {
  const { entries, deleted } = await parts.storage.rootfsChanges(request, signal);
  await writeTar(path.join(dir, 'rootfs-diff.tar'), signal, (tar) => addChanges(tar, entries));
  await fs.writeFile(path.join(dir, 'deleted.files'), JSON.stringify(deleted), { mode: 0o600 });
}

/** Under another name until it is whole and on the disk; an older file at the location is replaced. */
async function writeArchive(location: string, dir: string, signal: AbortSignal): Promise<void> {
  const folder = path.dirname(location);
  const part = path.join(folder, `.${path.basename(location)}.part`);
  try {
    await fs.rm(part, { force: true });
    await writeTar(part, signal, (tar) => addTree(tar, dir));
    await fs.rename(part, location);
    await using opened = await fs.open(folder, 'r');
    await opened.sync();
  } catch (error) {
    await fs.rm(part, { force: true });
    throw locationError(location, error);
  }
}

/** Looks before the container is stopped for it whether there is a place for a file. */
async function checkLocation(location: string): Promise<void> {
  const refuse = (detail: string, cause?: unknown) =>
    new BerthError('argument-invalid', { op, object: `location ${location.slice(0, 200)}`, detail, cause });
  // Its own name gets longer while it is written.
  const problem = pathProblem(`${location}.part.`);
  if (problem) throw refuse(problem);
  const there = await fs.stat(location).catch(() => undefined);
  if (there && !there.isFile()) throw refuse('it is there, and no regular file');
  await fs.access(path.dirname(location), fs.constants.W_OK).catch((cause: unknown) => {
    throw refuse(messageOf(cause), cause);
  });
}

function locationError(location: string, error: unknown): BerthError {
  const parts = { op, object: `location ${location}`, detail: messageOf(error), cause: error };
  switch (errnoOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EISDIR':
      return new BerthError('argument-invalid', parts);
    case 'ENOSPC':
    case 'EDQUOT':
      return new BerthError('storage-full', parts);
    default:
      return new BerthError((error as Error).name === 'AbortError' ? 'deadline-exceeded' : 'kernel-refused', parts);
  }
}
