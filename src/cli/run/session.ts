import { join } from 'node:path';
import { ContainerState, type ContainerStatus } from '../../wire';
import type { GlobalOptions } from '../command';
import { Daemon } from '../daemon';
import { CliError, exitStatus, failureOf } from '../failure';
import { type Io, write } from '../io';
import { LogPrinter, readLog, untilEnded } from '../logs';
import { pullShown } from '../pull/pull';
import { type RunRequest, containerConfig, podConfig } from './configs';
import { isRunPod, removePod } from './remove';
import { type RunStreams, type Taken, joinRun, openStreams } from './streams';

/** What was asked for, before the image is known, and where. */
export type RunOrder = Omit<RunRequest, 'imageId'> &
  GlobalOptions & {
    /** A pull that is needed says nothing. */
    readonly quiet: boolean;
    readonly detachKeys: Buffer;
  };

/** Seconds from SIGTERM to SIGKILL after Ctrl-C. */
const stopSeconds = 10;

interface Started {
  readonly podId: string;
  readonly containerId: string;
  /** Those of a container that is attached to. */
  readonly streams: RunStreams | undefined;
}

/** Starts the container, prints its id and leaves it. Gives the exit status of berth. */
export async function detachedRun(order: RunOrder, io: Io): Promise<number> {
  const { containerId } = await start(order, io, undefined);
  await write(io.stdout, `${containerId}\n`);
  return exitStatus.ok;
}

/** Runs the container to its end with its output, and its input if that was asked for, on ours, and gives its exit code. */
export async function attachedRun(order: RunOrder, io: Io, remove: boolean): Promise<number> {
  const left = new AbortController();
  const started = await start(order, io, left.signal);
  const { podId, containerId } = started;
  using daemon = new Daemon(order);
  try {
    const end = await follow(daemon, started, order, io);
    if (end === 'detached') {
      await write(io.stderr, detachedLine(order.name, remove));
      return exitStatus.ok;
    }
    const exitCode = exitCodeOf(containerId, end);
    if (remove) await discard(daemon, podId, order);
    // Nothing runs in the pod any more: it gives its address back. The log stays until `berth rm`.
    else await daemon.stopPod(podId);
    return exitCode;
  } catch (error) {
    if (remove) await discardAfter(daemon, podId, order, io);
    throw error;
  } finally {
    left.abort();
  }
}

function detachedLine(name: string, remove: boolean): string {
  const kept = remove ? `; --rm no longer holds: remove it with \`berth rm -f ${name}\`` : '';
  return `\ndetached: ${name} runs on, \`berth attach ${name}\` goes back to it${kept}\n`;
}

/** Makes pod and container and starts it; what was made is taken down again if that fails or is interrupted. */
async function start(order: RunOrder, io: Io, attach: AbortSignal | undefined): Promise<Started> {
  const interrupted = new AbortController();
  using _ = io.onInterrupt(() => interrupted.abort());
  using daemon = new Daemon(order, interrupted.signal);
  await refuseTakenName(daemon, order.name);
  const request = { ...order, imageId: await ensureImage(daemon, order, io) };
  const pod = podConfig(request);
  const podId = await daemon.runPod(pod);
  try {
    const containerId = await daemon.createContainer(podId, containerConfig(request, attach !== undefined), pod);
    const wanted = attach && (order.tty || order.interactive);
    const streams = wanted ? await openStreams(daemon, containerId, order, io, attach) : undefined;
    await daemon.startContainer(containerId);
    return { podId, containerId, streams };
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
async function ensureImage(daemon: Daemon, { image: name, quiet }: RunOrder, io: Io): Promise<string> {
  const { image } = await daemon.imageStatus(name);
  return image ? image.id : pullShown(daemon, name, io, quiet);
}

/** Joins the container to us until its end, whose status it gives. Without streams of its own its log is what is shown. */
async function follow(
  daemon: Daemon,
  { containerId: id, streams }: Started,
  order: RunOrder,
  io: Io,
): Promise<ContainerStatus | undefined | 'detached'> {
  let asked = 0;
  using _ = io.onInterrupt(() => {
    // Twice is impatience: then there is no grace.
    daemon.stopContainer(id, asked++ === 0 ? stopSeconds : 0).catch((cause: unknown) => warn(io, 'stop', cause));
  });
  const left = new AbortController();
  const ended = untilEnded(daemon, id, left.signal);
  ended.catch(() => undefined);
  const fromLog = async (taken: Taken) => {
    const printer = new LogPrinter(io, false, taken);
    const path = join(order.logFolder, '0.log');
    for await (const record of readLog({ path, tail: undefined, until: ended })) await printer.print(record);
  };
  try {
    if (!streams) await fromLog({ stdout: 0, stderr: 0 });
    else if ((await joinRun(streams, io, order, fromLog)) === 'detached') return 'detached';
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
