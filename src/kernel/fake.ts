import { PassThrough, type Duplex } from 'node:stream';
import type {
  BindInRoot,
  BindMount,
  InterfaceCounters,
  Kernel,
  KernelFacts,
  LauncherRequest,
  MonitorRequest,
  OverlayMount,
  PinRequest,
  ProcessIdentity,
  RunRequest,
  RunResult,
  StreamedRun,
  TmpfsMount,
} from './kernel';
import type { LauncherHealth } from './launcher';

type Method = Exclude<keyof Kernel, 'facts' | 'health' | 'requests'>;

/** One recorded call, without its signal. */
export interface FakeCall {
  readonly method: Method;
  readonly args: readonly unknown[];
}

const succeeded: RunResult = {
  exitCode: 0,
  signal: undefined,
  timedOut: false,
  stdout: Buffer.alloc(0),
  stderr: Buffer.alloc(0),
  truncated: false,
};

const root: KernelFacts = {
  boundingCapabilities: ['chown', 'net_admin', 'sys_admin'],
  cgroup: 'v2',
  controllers: ['cpu', 'cpuset', 'io', 'memory', 'pids'],
  swapAccounting: true,
  systemd: false,
  oomScoreAdj: 0,
  hardLimits: {},
  bootId: '00000000-0000-4000-8000-000000000000',
  release: '6.5.0',
};

/** Replaces one method's answer; it gets the call's arguments. */
export type Script<M extends Method> = (...args: Parameters<Kernel[M]>) => ReturnType<Kernel[M]>;

/**
 * A kernel that does nothing and remembers what it was asked: every operation succeeds, unless a script answers for it or
 * a failure is due. Files and cgroups are kept as far as later calls ask for them.
 */
export class FakeKernel implements Kernel {
  readonly calls: FakeCall[] = [];
  /** What readInRoot finds, by `root + path`. */
  readonly files = new Map<string, Buffer>();
  private readonly scripts = new Map<Method, (...args: never[]) => unknown>();
  private readonly failures = new Map<Method, Error[]>();
  private readonly cgroups = new Set<string>();
  private readonly processes = new Map<number, ProcessIdentity>();
  private nextPid = 1000;

  constructor(readonly facts: KernelFacts = root) {}

  health(): LauncherHealth {
    return { alive: true, inFlight: 0, starts: 1 };
  }

  /** Answers every later call of the method. */
  script<M extends Method>(method: M, answer: Script<M>): void {
    this.scripts.set(method, answer);
  }

  /** The next call of the method that has no failure yet rejects with this error. */
  failNext(method: Method, error: Error): void {
    this.failures.set(method, [...(this.failures.get(method) ?? []), error]);
  }

  /** The arguments of each call of the method so far. */
  callsOf(method: Method): (readonly unknown[])[] {
    return this.calls.filter((call) => call.method === method).map((call) => call.args);
  }

  run = this.operation('run', async (_request: RunRequest) => succeeded);
  runStreamed = this.operation('runStreamed', async (_request: Omit<RunRequest, 'stdin'>): Promise<StreamedRun> => {
    const stdin = new PassThrough();
    stdin.resume();
    const result = new Promise<RunResult>((resolve) => stdin.once('finish', () => resolve(succeeded)));
    return { stdin, result };
  });
  startMonitor = this.operation('startMonitor', async (_request: MonitorRequest) => {
    const identity = { pid: this.nextPid++, startTime: 1n };
    this.processes.set(identity.pid, identity);
    return identity;
  });

  mountOverlay = this.operation('mountOverlay', async (_mount: OverlayMount) => undefined);
  mountBind = this.operation('mountBind', async (_mount: BindMount) => undefined);
  bindInRoot = this.operation('bindInRoot', async (_mount: BindInRoot) => true);
  mountTmpfs = this.operation('mountTmpfs', async (_mount: TmpfsMount) => undefined);
  unmount = this.operation('unmount', async (_target: string) => undefined);

  pinNamespaces = this.operation('pinNamespaces', async (_request: PinRequest) => undefined);
  unpinNamespace = this.operation('unpinNamespace', async (_path: string) => undefined);
  dial = this.operation(
    'dial',
    async (_netns: string | undefined, _port: number): Promise<Duplex> => new PassThrough(),
  );
  interfaceCounters = this.operation(
    'interfaceCounters',
    async (netns: readonly string[]): Promise<readonly (readonly InterfaceCounters[] | undefined)[]> =>
      netns.map(() => []),
  );

  readInRoot = this.operation('readInRoot', async (where: string, path: string, _maxBytes: number) =>
    this.files.get(where + path),
  );
  mkdirInRoot = this.operation(
    'mkdirInRoot',
    async (_root: string, _path: string, _mode: number, _uid: number, _gid: number) => undefined,
  );
  removeTree = this.operation('removeTree', async (_path: string) => undefined);
  syncFs = this.operation('syncFs', async (_path: string) => undefined);
  signal = this.operation('signal', async ({ pid }: ProcessIdentity, _signum: number) => this.processes.has(pid));
  identify = this.operation('identify', async (pid: number) => this.processes.get(pid));

  hasAppArmorProfile = this.operation('hasAppArmorProfile', async (_name: string) => true);
  createCgroup = this.operation('createCgroup', async (path: string) => void this.cgroups.add(path));
  missingCgroup = this.operation('missingCgroup', async (path: string) => (this.cgroups.has(path) ? undefined : path));
  removeEmptyCgroup = this.operation(
    'removeEmptyCgroup',
    async (path: string, _top?: string) => void this.cgroups.delete(path),
  );
  readCgroup = this.operation(
    'readCgroup',
    async (_path: string, _files: readonly string[]): Promise<Readonly<Record<string, string>>> => ({}),
  );
  limitCgroup = this.operation(
    'limitCgroup',
    async (_path: string, _files: Readonly<Record<string, string>>) => undefined,
  );
  scoreCgroup = this.operation('scoreCgroup', async (_path: string, _score: number) => undefined);
  removeCgroup = this.operation('removeCgroup', async (path: string) => void this.cgroups.delete(path));
  close = this.operation('close', async () => undefined);

  /** Its operations are over at once. */
  requests(): readonly LauncherRequest[] {
    return [];
  }

  /** The method: records the call, then a due failure, the script or the default answers it. */
  private operation<A extends unknown[], R>(
    method: Method,
    standard: (...args: A) => Promise<R>,
  ): (...args: [...A, signal?: AbortSignal]) => Promise<R> {
    return async (...args) => {
      const plain = args.filter((arg) => !(arg instanceof AbortSignal));
      this.calls.push({ method, args: plain });
      const failure = this.failures.get(method)?.shift();
      if (failure !== undefined) throw failure;
      const script = this.scripts.get(method) as ((...all: unknown[]) => Promise<R>) | undefined;
      return script ? script(...args) : standard(...(args as unknown as A));
    };
  }
}
