import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const applets = [
  'sh',
  'cat',
  'echo',
  'sleep',
  'ls',
  'head',
  'dd',
  'seq',
  'yes',
  'setsid',
  'kill',
  'id',
  'stty',
  'test',
  'od',
];

/** A folder of a test's own, with a root file system made of the machine's busybox. */
export class Workspace implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<Workspace> {
    const path = await mkdtemp(join(tmpdir(), 'berth-monitor-'));
    const rootfs = join(path, 'rootfs');
    for (const name of ['bin', 'proc', 'dev', 'sys', 'tmp']) await mkdir(join(rootfs, name), { recursive: true });
    await copyFile('/bin/busybox', join(rootfs, 'bin/busybox'));
    for (const applet of applets) await symlink('busybox', join(rootfs, 'bin', applet));
    return new Workspace(path);
  }

  get rootfs(): string {
    return join(this.path, 'rootfs');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

export interface BundleOptions {
  readonly args: readonly string[];
  readonly tty?: boolean;
  readonly memoryBytes?: number;
  readonly uid?: number;
  readonly hooks?: object;
  /** A filter that init has from before its start on: it may get new privileges, so that it is set first. */
  readonly seccomp?: object;
}

/** Writes config.json for a small container with namespaces of its own. */
export async function writeBundle(folder: string, rootfs: string, id: string, options: BundleOptions): Promise<void> {
  await mkdir(folder, { recursive: true });
  const config = {
    ociVersion: '1.0.2',
    process: {
      ...processOf(options.args, options.tty ?? false, options.uid ?? 0),
      ...(options.seccomp ? { noNewPrivileges: false } : {}),
    },
    root: { path: rootfs, readonly: true },
    hostname: 'test',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['newinstance', 'ptmxmode=0666', 'mode=0620'],
      },
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['mode=1777'] },
    ],
    linux: {
      cgroupsPath: `/berth-test-${id}`,
      namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type })),
      ...(options.seccomp ? { seccomp: options.seccomp } : {}),
      ...(options.memoryBytes ? { resources: { memory: { limit: options.memoryBytes } } } : {}),
    },
    ...(options.hooks ? { hooks: options.hooks } : {}),
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
}

/** The runtime spec's `process`, for a container's init or an exec. */
export function processOf(args: readonly string[], terminal = false, uid = 0): object {
  return {
    terminal,
    user: { uid, gid: uid },
    args,
    env: ['PATH=/bin', 'TERM=xterm'],
    cwd: '/',
    capabilities: { bounding: [], effective: [], permitted: [] },
    noNewPrivileges: true,
  };
}
