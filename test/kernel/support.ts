import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import { silentLog } from '../../src/base';
import { type Kernel, type KernelOptions, startKernel } from '../../src/kernel';
import { removeIn } from '../../src/kernel/cgroups';
import { readHierarchies } from '../../src/kernel/hierarchies';

const native = resolve(__dirname, '../../conmon');

/** Builds a program of conmon/ if its sources are newer; several suites may ask at once, so make runs under a lock. */
export function build(program: string): string {
  const lock = join(tmpdir(), 'berth-native-build.lock');
  const make = [lock, 'make', '-s', '-C', native, `build/${program}`];
  execFileSync('flock', make, { stdio: ['ignore', 'ignore', 'inherit'] });
  return join(native, 'build', program);
}

/** Whether the process runs; one that nobody has reaped yet does not. */
export function runs(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits, for four seconds at most, until it is so. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`still not: ${what}`);
}

/** A folder and a cgroup of its own, with a kernel in it; everything is gone after `dispose`. */
export class Ground {
  readonly dir = mkdtempSync(join(tmpdir(), 'berth-kernel-test-'));
  readonly cgroupBase = `/berth-kernel-test-${randomBytes(4).toString('hex')}`;
  private readonly kernels: Kernel[] = [];

  constructor(readonly launcherPath: string = build('launcher')) {}

  options(more: Partial<KernelOptions> = {}): KernelOptions {
    const { launcherPath, cgroupBase } = this;
    return { launcherPath, runRoot: join(this.dir, 'run'), cgroupBase, log: silentLog(), ...more };
  }

  async start(more: Partial<KernelOptions> = {}): Promise<Kernel> {
    const kernel = await startKernel(this.options(more));
    this.kernels.push(kernel);
    return kernel;
  }

  async dispose(): Promise<void> {
    for (const kernel of this.kernels) await kernel.close();
    for (const hierarchy of await readHierarchies()) await removeIn(hierarchy, this.cgroupBase);
    rmSync(this.dir, { recursive: true, force: true });
  }
}
