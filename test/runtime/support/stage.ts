import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Kernel, ProcessIdentity } from '../../../src/kernel';
import { homeHierarchy, readHierarchies } from '../../../src/kernel/hierarchies';
import { connectMonitor, createOciRuntime, type Monitor } from '../../../src/runtime';
import { monitorArguments, type ContainerMonitorRequest } from '../../../src/runtime/monitor/start';
import { Ground } from '../../kernel/support';
import { Workspace, writeBundle, type BundleOptions } from './bundle';

/** The programs that a stage runs. */
export interface StagePrograms {
  readonly launcher: string;
  readonly conmon: string;
  /** The OCI runtime. */
  readonly runtime: string;
  /** Whether it gives containers a root file system of their own: the fake one does not. */
  readonly confines: boolean;
}

export interface StageOptions extends BundleOptions {
  readonly logPath?: string;
}

/** A container on a stage, its monitor's process, and a control connection to it. */
export interface Staged {
  readonly request: ContainerMonitorRequest;
  readonly process: ProcessIdentity;
  readonly monitor: Monitor;
}

/** Any number of containers under monitors that the launcher starts, as berthd does it; all is gone after disposal. */
export class Stage implements AsyncDisposable {
  private readonly staged: Staged[] = [];

  private constructor(
    readonly workspace: Workspace,
    private readonly ground: Ground,
    private readonly kernel: Kernel,
    private readonly programs: StagePrograms,
  ) {}

  static async open(programs: StagePrograms): Promise<Stage> {
    const ground = new Ground(programs.launcher);
    return new Stage(await Workspace.make(), ground, await ground.start(), programs);
  }

  /** Starts a monitor, which creates the container, and connects to it. */
  async launch(options: StageOptions): Promise<Staged> {
    const id = `s${randomBytes(6).toString('hex')}`;
    const folder = join(this.workspace.path, id);
    await writeBundle(folder, this.workspace.rootfs, id, options);
    const request: ContainerMonitorRequest = {
      conmonPath: this.programs.conmon,
      id,
      bundle: folder,
      runtimePath: this.programs.runtime,
      runtimeRoot: this.runtimeRoot,
      socketPath: join(this.workspace.path, `${id}.s`),
      exitFile: join(folder, 'exit'),
      pidFile: join(folder, 'pid'),
      logPath: options.logPath ?? join(folder, 'log'),
    };
    const env = { PATH: process.env['PATH'] ?? '' };
    const identity = await this.kernel.startMonitor({
      path: request.conmonPath,
      args: monitorArguments(request),
      env,
    });
    const one = { request, process: identity, monitor: await connectMonitor(request.socketPath) };
    this.staged.push(one);
    return one;
  }

  /** Launches and starts. */
  async start(options: StageOptions): Promise<Staged> {
    const one = await this.launch(options);
    await one.monitor.created();
    await one.monitor.start();
    return one;
  }

  get confines(): boolean {
    return this.programs.confines;
  }

  get runtimeRoot(): string {
    return join(this.workspace.path, 'runtime');
  }

  /** The processes in the monitors' cgroup: monitors, and the runtime while they run it. */
  async monitors(): Promise<readonly number[]> {
    const home = homeHierarchy(await readHierarchies());
    if (!home) throw new Error('no cgroup file system is mounted');
    const procs = await readFile(join(home.dir, this.ground.cgroupBase, 'monitors/cgroup.procs'), 'utf8');
    return procs.split('\n').filter(Boolean).map(Number);
  }

  /** Removes every container; their monitors leave by themselves. */
  async clear(): Promise<void> {
    const runtime = createOciRuntime({ kernel: this.kernel, path: this.programs.runtime, root: this.runtimeRoot });
    for (const { request, monitor } of this.staged.splice(0)) {
      monitor.close();
      await runtime.delete(request.id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clear();
    await this.ground.dispose();
    await this.workspace[Symbol.asyncDispose]();
  }
}
