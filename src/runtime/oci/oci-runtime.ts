import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { systemPath } from '../find-program';
import { BerthError, stage } from '../../base';
import type { Kernel, RunRequest, RunResult } from '../../kernel';
import { unmountStateFolder } from './state-folder';

/** Where a container is for the OCI runtime (runtime spec, "State"). */
export interface OciState {
  readonly id: string;
  readonly status: string;
  /** Of init; 0 when it has ended. */
  readonly pid: number;
  readonly bundle: string;
}

/** The part of `linux.resources` in the runtime spec that `update` takes. */
export type OciResources = Readonly<Record<string, unknown>>;

/** An OCI runtime's command line, as runc and crun have it. Every method rejects `runtime-failed` with its message. */
export interface OciRuntime {
  readonly path: string;
  /** Kills and forgets the container and leaves no state folder of it; one that it does not know is success. */
  delete(id: string, signal?: AbortSignal): Promise<void>;
  /** Signals init, or every process of the container; false if there is none. */
  kill(id: string, signum: number, options?: { readonly all?: boolean }, signal?: AbortSignal): Promise<boolean>;
  update(id: string, resources: OciResources, signal?: AbortSignal): Promise<void>;
  /** Stops the container where it is, and lets it go on: for both, one that is so already is an error. */
  pause(id: string, signal?: AbortSignal): Promise<void>;
  resume(id: string, signal?: AbortSignal): Promise<void>;
  /** Writes the state of the container's processes by CRIU; they are left as they are. */
  checkpoint(id: string, request: CheckpointRequest, signal?: AbortSignal): Promise<void>;
  /** Undefined if the runtime does not know it. */
  state(id: string, signal?: AbortSignal): Promise<OciState | undefined>;
  /** The first line of `--version`. */
  version(signal?: AbortSignal): Promise<string>;
  /** What `features` prints; undefined from a runtime that has no such command. */
  features(signal?: AbortSignal): Promise<Readonly<Record<string, unknown>> | undefined>;
}

export interface CheckpointRequest {
  /** Folder for CRIU's images. */
  readonly imagePath: string;
  /** Folder for its log. */
  readonly workPath: string;
  /** The program, absolute. */
  readonly criuPath: string;
  readonly timeoutMs: number;
}

export interface OciRuntimeParts {
  readonly kernel: Kernel;
  /** The program. */
  readonly path: string;
  /** Its own state folder. */
  readonly root: string;
  /** What goes before each subcommand. */
  readonly options?: readonly string[];
}

/** Milliseconds. A call of the OCI runtime that takes longer hangs, as a kill or delete in the kernel; it is killed and told. */
export const runtimeCallMs = 60_000;

type RunOptions = Partial<Pick<RunRequest, 'env' | 'stdin' | 'timeoutMs'>>;

/** How runc and crun say that they know no such container. */
const unknownContainer = /does not exist|no such (file|container)/i;
const notRunning = /not running|already (finished|stopped)|no such process/i;

const stateSchema = z.object({ id: z.string(), status: z.string(), pid: z.number().default(0), bundle: z.string() });
const objectSchema = z.record(z.string(), z.unknown());

/** The command line of the runtime at this path. */
export function createOciRuntime(parts: OciRuntimeParts): OciRuntime {
  const { kernel, path, root, options = [] } = parts;
  // With a log elsewhere, stderr holds the error in plain words and nothing else.
  const globals = ['--root', root, '--log', '/dev/null', ...options];

  const run = async (args: readonly string[], signal?: AbortSignal, more: RunOptions = {}): Promise<RunResult> => {
    const request = { path, args: [...globals, ...args], env: { PATH: systemPath }, timeoutMs: runtimeCallMs, ...more };
    return stage(`${basename(path)} ${args[0] ?? ''}`, () => kernel.run(request, signal));
  };

  const failed = (op: string, id: string | undefined, result: RunResult): BerthError =>
    new BerthError('runtime-failed', { op, object: id ? `container ${id}` : path, detail: explain(result) });

  const succeed = async (op: string, id: string, signal?: AbortSignal): Promise<void> => {
    const result = await run([op, id], signal);
    if (result.exitCode !== 0) throw failed(op, id, result);
  };

  return {
    path,
    async delete(id, signal) {
      const result = await run(['delete', '--force', id], signal);
      // Also after a failure: a mount may be what it failed at, and the next delete finds none.
      const folder = join(root, id);
      const left = await unmountStateFolder(kernel, folder);
      if (result.exitCode !== 0 && !unknownContainer.test(messageIn(result))) throw failed('delete', id, result);
      if (left) await kernel.removeTree(folder);
    },
    async kill(id, signum, options, signal) {
      const result = await run(['kill', ...(options?.all ? ['--all'] : []), id, String(signum)], signal);
      if (result.exitCode === 0) return true;
      const message = messageIn(result);
      if (unknownContainer.test(message) || notRunning.test(message)) return false;
      throw failed('kill', id, result);
    },
    async update(id, resources, signal) {
      const result = await run(['update', '--resources', '-', id], signal, { stdin: JSON.stringify(resources) });
      if (result.exitCode !== 0) throw failed('update', id, result);
    },
    pause: (id, signal) => succeed('pause', id, signal),
    resume: (id, signal) => succeed('resume', id, signal),
    async checkpoint(id, { imagePath, workPath, criuPath, timeoutMs: limit }, signal) {
      const args = ['checkpoint', '--image-path', imagePath, '--work-path', workPath, '--leave-running'];
      // What a network connection or a lock of a file holds does not keep the rest from being written.
      const result = await run([...args, '--tcp-established', '--file-locks', id], signal, {
        timeoutMs: limit,
        env: { PATH: `${dirname(criuPath)}:${systemPath}` },
      });
      if (result.timedOut) {
        const detail = `it took longer than ${limit / 1000} s and was killed`;
        throw new BerthError('deadline-exceeded', { op: 'checkpoint', object: `container ${id}`, detail });
      }
      if (result.exitCode !== 0) throw failed('checkpoint', id, result);
    },
    async state(id, signal) {
      const result = await run(['state', id], signal);
      if (result.exitCode === 0) return parseJson(result.stdout, stateSchema, 'state', path);
      if (unknownContainer.test(messageIn(result))) return undefined;
      throw failed('state', id, result);
    },
    async version(signal) {
      const result = await run(['--version'], signal);
      if (result.exitCode !== 0) throw failed('--version', undefined, result);
      return result.stdout.toString('utf8').split('\n')[0] ?? '';
    },
    async features(signal) {
      const result = await run(['features'], signal);
      return result.exitCode === 0 ? parseJson(result.stdout, objectSchema, 'features', path) : undefined;
    },
  };
}

function messageIn(result: RunResult): string {
  return result.stderr.toString('utf8').trim();
}

/** What to tell of a call that failed: its own words, or else how it ended. */
function explain(result: RunResult): string {
  if (result.timedOut) return `it did not end within ${runtimeCallMs / 1000} s and was killed`;
  const ended = result.signal === undefined ? `exit status ${result.exitCode}` : `killed by signal ${result.signal}`;
  return messageIn(result) || `it said nothing, ${ended}`;
}

function parseJson<T>(text: Buffer, schema: z.ZodType<T>, op: string, path: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text.toString('utf8'));
  } catch (cause) {
    throw new BerthError('runtime-failed', { op, object: path, detail: 'its answer is not JSON', cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const detail = `its answer is not what the runtime spec says: ${parsed.error.message}`;
  throw new BerthError('runtime-failed', { op, object: path, detail });
}
