import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import {
  connectMonitor,
  type AttachSession,
  type ExecEnd,
  type ExitRecord,
  type Monitor,
  type MonitorAttach,
  type MonitorExec,
} from '../../../src/runtime';
import { monitorArguments, type ContainerMonitorRequest } from '../../../src/runtime/monitor/start';
import { buildConmon, buildFakeRuntime } from './native';
import { processOf, writeBundle, type BundleOptions, type Workspace } from './bundle';
import { Transcript } from './transcript';

const run = promisify(execFile);

/** The OCI runtimes that tests name; any other path is one of a test's own. */
export type RuntimeName = 'runc' | 'crun' | 'fake';

/** Where the runtime is, or would be. */
export function pathOf(runtime: RuntimeName): string {
  switch (runtime) {
    case 'runc':
      return '/usr/sbin/runc';
    case 'crun':
      return '/usr/bin/crun';
    case 'fake':
      return buildFakeRuntime();
    default:
      return runtime satisfies never;
  }
}

export interface ContainerOptions extends BundleOptions {
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly gid?: number;
  readonly logPath?: string;
  /** runc, unless `runtimePath` is given. */
  readonly runtime?: RuntimeName;
  readonly logSizeMax?: number;
  readonly journalFields?: Readonly<Record<string, string>>;
  /** More log files. */
  readonly otherLogs?: readonly string[];
  readonly runtimePath?: string;
  readonly id?: string;
  /** Another build of the monitor, and what it is to find in its environment. */
  readonly conmonPath?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What the fake runtime does wrong, in the words of conmon/tests/fake-runtime/fake.h. */
  readonly misbehave?: Readonly<Partial<Record<'create' | 'start' | 'exec' | 'restore', string>>>;
  /** Its start restores it from a folder with this name in its own. */
  readonly restore?: string;
}

/** A container under a monitor that this test process has started: no launcher between. */
export class TestContainer implements AsyncDisposable {
  private constructor(
    readonly request: ContainerMonitorRequest,
    readonly process: ChildProcess,
    private connected: Monitor,
    private readonly deleter: string,
  ) {}

  /** Starts the monitor, which creates the container, and connects; `created` is the test's to await. */
  static async launch(workspace: Workspace, options: ContainerOptions): Promise<TestContainer> {
    const id = options.id ?? `t${randomBytes(6).toString('hex')}`;
    const folder = join(workspace.path, id);
    await writeBundle(folder, workspace.rootfs, id, options);
    if (options.restore) await mkdir(join(folder, options.restore));
    for (const [command, words] of Object.entries(options.misbehave ?? {}))
      await writeFile(join(folder, `fake-${command}`), words);
    // A monitor built otherwise (with sanitizers) can take its place.
    const conmonPath = options.conmonPath ?? process.env['BERTH_TEST_CONMON'] ?? buildConmon();
    const named = pathOf(options.runtime ?? 'runc');
    const request: ContainerMonitorRequest = {
      conmonPath,
      id,
      bundle: folder,
      runtimePath: options.runtimePath ?? named,
      runtimeRoot: join(workspace.path, 'runc'),
      socketPath: join(workspace.path, `${id}.s`),
      exitFile: join(folder, 'exit'),
      pidFile: join(folder, 'pid'),
      logPath: options.logPath ?? join(folder, 'log'),
      logSizeMax: options.logSizeMax ?? 0,
      journalFields: options.journalFields,
      tty: options.tty ?? false,
      stdin: options.stdin ?? false,
      stdinOnce: options.stdinOnce ?? false,
      uid: options.uid ?? 0,
      gid: options.uid ?? 0,
      restore: options.restore
        ? { imagePath: join(folder, options.restore), workPath: folder, criuPath: '/usr/sbin/criu' }
        : undefined,
    };
    const otherLogs = (options.otherLogs ?? []).flatMap((path) => ['--log-path', path]);
    const child = spawn(conmonPath, [...monitorArguments(request), ...otherLogs], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
      env: { ...pick('PATH', 'ASAN_OPTIONS', 'UBSAN_OPTIONS'), BERTH_READY_FD: '3', ...options.env },
    });
    const ready = child.stdio[3] as Readable;
    await Promise.race([once(ready, 'data'), once(ready, 'end')]);
    try {
      return new TestContainer(request, child, await connectMonitor(request.socketPath), named);
    } catch (error) {
      // As berthd does with a monitor that it cannot reach.
      child.kill('SIGKILL');
      await hasLeft(child);
      await cleanUp(request, child, named);
      throw error;
    }
  }

  /** Launches and starts. */
  static async start(workspace: Workspace, options: ContainerOptions): Promise<TestContainer> {
    const container = await TestContainer.launch(workspace, options);
    await container.monitor.created();
    await container.monitor.start();
    return container;
  }

  get monitor(): Monitor {
    return this.connected;
  }

  /** A second connection takes the first one's place. */
  async reconnect(): Promise<Monitor> {
    this.connected = await connectMonitor(this.request.socketPath);
    return this.connected;
  }

  /** The record that the monitor tells when the container has ended. */
  async exited(): Promise<ExitRecord> {
    return ended(this.monitor);
  }

  /** The log's records without their time. */
  async log(): Promise<readonly string[]> {
    const text = await readFile(this.request.logPath ?? '', 'utf8');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => line.slice(31));
  }

  /** Runs a command to its end. */
  async exec(args: readonly string[], options: Partial<MonitorExec> & { input?: string } = {}): Promise<ExecOutcome> {
    const { input, ...rest } = options;
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const session = this.monitor.exec(
      {
        process: processOf(args, rest.tty),
        stdin: input !== undefined,
        tty: false,
        timeoutMs: 0,
        outputCap: 0,
        ...rest,
      },
      { stdout: (data) => void out.push(data), stderr: (data) => void err.push(data) },
    );
    if (input !== undefined) {
      await session.writeStdin(Buffer.from(input));
      await session.closeStdin();
    }
    const end = await session.end;
    return { ...end, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
  }

  /** Attaches to all of init's streams, and waits until that is so. */
  async attach(wanted: Partial<MonitorAttach> = {}): Promise<Attached> {
    const output = new Transcript();
    const session = this.monitor.attach({ stdin: true, stdout: true, stderr: true, ...wanted }, output);
    await session.started;
    return { session, output };
  }

  /** Ends `waitForGo`. */
  async go(): Promise<void> {
    await this.exec(['sh', '-c', '> /tmp/go']);
  }

  /** Waits for the monitor process to leave. */
  async left(): Promise<void> {
    await hasLeft(this.process);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.monitor.close();
    await cleanUp(this.request, this.process, this.deleter);
  }
}

export interface Attached {
  readonly session: AttachSession;
  readonly output: Transcript;
}

/** For a script in a container: it goes on when the test says `go`. */
export const waitForGo = 'while ! test -e /tmp/go; do sleep 0.02; done';

/** The record that the monitor tells when its container has ended. */
export async function ended(monitor: Monitor): Promise<ExitRecord> {
  return new Promise((resolveExit, reject) => {
    const look = () => {
      if (monitor.state.kind === 'exited') resolveExit(monitor.state.record);
    };
    monitor.onState(look);
    look();
    void monitor.closed.then((error) => reject(error ?? new Error('the connection ended')));
  });
}

/** Those of our own environment variables. */
function pick(...names: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

async function hasLeft(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

async function cleanUp(request: ContainerMonitorRequest, child: ChildProcess, deleter: string): Promise<void> {
  await run(deleter, ['--root', request.runtimeRoot, 'delete', '--force', request.id]);
  await hasLeft(child);
}

export type ExecOutcome = ExecEnd & { readonly stdout: string; readonly stderr: string };

/** What the monitor's descriptors refer to: to see that none is left over. */
export async function descriptors(pid: number): Promise<readonly string[]> {
  const { stdout } = await run('ls', [`/proc/${pid}/fd`]);
  const names = stdout.trim().split('\n');
  return Promise.all(names.map(async (name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => 'gone')));
}
