import { join } from 'node:path';
import { ContainerState, type ContainerStatus } from '../../wire';
import type { GlobalOptions } from '../command';
import { Daemon } from '../daemon';
import { CliError, exitStatus, failureOf, oneLine } from '../failure';
import { type Io, write } from '../io';
import { LogPrinter, readLog, untilEnded } from '../logs';
import { type RunRequest, containerConfig, podConfig } from './configs';
import { isRunPod, removePod } from './remove';

/** What was asked for, before the image is known, and where. */
export type RunOrder = Omit<RunRequest, 'imageId'> & GlobalOptions;

/** Seconds from SIGTERM to SIGKILL after Ctrl-C. */
const stopSeconds = 10;

interface Started {
  readonly podId: string;
  readonly containerId: string;
}

/** Starts the container, prints its id and leaves it. Gives the exit status of berth. */
export async function detachedRun(order: RunOrder, io: Io): Promise<number> {
  const { containerId } = await start(order, io);
  await write(io.stdout, `${containerId}\n`);
  return exitStatus.ok;
}

/** Runs the container to its end with its log on our outputs, and gives its exit code. */
export async function attachedRun(order: RunOrder, io: Io, remove: boolean): Promise<number> {
  const { podId, containerId } = await start(order, io);
  using daemon = new Daemon(order);
  try {
    const status = await follow(daemon, containerId, join(order.logFolder, '0.log'), io);
    const exitCode = exitCodeOf(containerId, status);
    if (remove) await discard(daemon, podId, order);
    // Nothing runs in the pod any more: it gives its address back. The log stays until `berth rm`.
    else await daemon.stopPod(podId);
    return exitCode;
  } catch (error) {
    if (remove) await discardAfter(daemon, podId, order, io);
    throw error;
  }
}

/** Makes pod and container and starts it; what was made is taken down again if that fails or is interrupted. */
async function start(order: RunOrder, io: Io): Promise<Started> {
  const interrupted = new AbortController();
  using _ = io.onInterrupt(() => interrupted.abort());
  using daemon = new Daemon(order, interrupted.signal);
  await refuseTakenName(daemon, order.name);
  const request = { ...order, imageId: await ensureImage(daemon, order.image, io) };
  const pod = podConfig(request);
  const podId = await daemon.runPod(pod);
  try {
    const containerId = await daemon.createContainer(podId, containerConfig(request), pod);
    await daemon.startContainer(containerId);
    return { podId, containerId };
  } catch (error) {
    using undo = new Daemon(order);
    await discardAfter(undo, podId, order, io);
    throw error;
  }
}

async function refuseTakenName(daemon: Daemon, name: string): Promise<void> {
  const taken = (await daemon.pods()).find((pod) => isRunPod(pod) && pod.metadata?.name === name);
  if (taken)
    throw new CliError(`the name ${name} is in use: remove it with \`berth rm ${name}\`, or use another --name`);
}

/** The image's id: what is there by this name, or what is pulled. */
async function ensureImage(daemon: Daemon, name: string, io: Io): Promise<string> {
  const { image } = await daemon.imageStatus(name);
  if (image) return image.id;
  await write(io.stderr, `pulling ${oneLine(name)}\n`);
  return daemon.pull(name);
}

async function follow(daemon: Daemon, id: string, path: string, io: Io): Promise<ContainerStatus | undefined> {
  let asked = 0;
  using _ = io.onInterrupt(() => {
    // Twice is impatience: then there is no grace.
    daemon.stopContainer(id, asked++ === 0 ? stopSeconds : 0).catch((cause: unknown) => warn(io, 'stop', cause));
  });
  const left = new AbortController();
  const ended = untilEnded(daemon, id, left.signal);
  const printer = new LogPrinter(io, false);
  try {
    for await (const record of readLog({ path, tail: undefined, until: ended })) await printer.print(record);
    return await ended;
  } finally {
    left.abort();
  }
}

function exitCodeOf(id: string, status: ContainerStatus | undefined): number {
  if (status?.state === ContainerState.CONTAINER_EXITED) return status.exitCode;
  const why = status ? `its end is unknown: ${status.message || status.reason}` : 'it was removed while it ran';
  throw new CliError(`container ${id}: ${why}`);
}

async function discard(daemon: Daemon, podId: string, { name, uid, logFolder }: RunOrder): Promise<void> {
  await removePod(daemon, { id: podId, name, uid, logFolder });
}

/** Removes the pod after a failure, which is the one to tell: a pod that stays is seen in `berth pods`. */
async function discardAfter(daemon: Daemon, podId: string, order: RunOrder, io: Io): Promise<void> {
  await discard(daemon, podId, order).catch((cause: unknown) => warn(io, 'the pod is left behind', cause));
}

async function warn(io: Io, what: string, cause: unknown): Promise<void> {
  const { line } = failureOf(cause);
  await write(io.stderr, `berth: ${what}: ${line ?? ''}\n`).catch(() => undefined);
}
