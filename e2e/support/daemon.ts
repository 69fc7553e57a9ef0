import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, readdir, rmdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, isAbsolute, join } from 'node:path';
import { berthdCommand } from './berthd';
import { containerdCommand } from './containerd';
import { Cri } from './cri';
import type { DaemonKind } from './environment';
import { berthName, type Hosts, type Layout } from './layout';
import { run } from './machine';
import { until } from './wait';

export interface DaemonOptions {
  readonly layout: Layout;
  readonly hosts: Hosts;
  /** Path of the OCI runtime, where it is not the machine's runc. */
  readonly runtime?: string;
  /** More of berth.toml, and a drop-in of registries.conf. */
  readonly config?: string;
  readonly registries?: string;
  /** Whether containerd makes what it pulls durable, as berth does. */
  readonly syncPulls?: boolean;
  /** Variables beyond those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A daemon's process: what is needed to end it and to start it again, as plain data. */
export interface Daemon {
  readonly kind: DaemonKind;
  readonly command: readonly string[];
  readonly pid: number;
  readonly layout: Layout;
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a daemon in a session of its own and waits until it answers Version. */
export async function startDaemon(kind: DaemonKind, options: DaemonOptions): Promise<Daemon> {
  const command = await (kind === 'berth' ? berthdCommand(options) : containerdCommand(options));
  return launch({ kind, command, layout: options.layout, env: options.env ?? {} });
}

/** Starts it again as it was; it must not be running. */
export async function launch({ kind, command, layout, env: more }: Omit<Daemon, 'pid'>): Promise<Daemon> {
  const [program = '', ...args] = command;
  const logFile = logOf(layout);
  const log = openSync(logFile, 'a');
  // A containerd that BERTH_PEER names has its shim beside it.
  const path = isAbsolute(program) ? { PATH: `${dirname(program)}:${process.env['PATH']}` } : {};
  const env = { ...process.env, ...path, ...more };
  const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], cwd: layout.dir, env });
  closeSync(log);
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('error', (cause) => reject(new Error(`cannot start ${program}`, { cause })));
    child.once('spawn', () => resolve(child.pid ?? 0));
  });
  const alive = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) return;
    throw new Error(`${command.join(' ')} ended at once:\n${(await readFile(logFile, 'utf8')).slice(-2000)}`);
  };
  await until(`${program} to listen on ${layout.socket}`, async () => {
    await alive();
    return listens(layout.socket);
  });
  // One connection for all the asking: each would stay open with the daemon for a while after its end here.
  const cri = new Cri(layout.socket);
  try {
    await until(`${program} to answer on ${layout.socket}`, async () => {
      await alive();
      return answers(cri);
    });
  } finally {
    cri.close();
  }
  child.unref();
  return { kind, command, pid, layout, env: more };
}

export const logOf = (layout: Layout): string => join(layout.dir, 'daemon.log');

/** Whether somebody accepts connections there: a socket that a killed daemon left refuses them. */
function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

async function answers(cri: Cri): Promise<boolean> {
  try {
    await cri.version({ deadlineMs: 1000 });
    return true;
  } catch {
    return false;
  }
}

/** Sends the signal and waits until the process is gone. */
export async function endDaemon(daemon: Daemon, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  process.kill(daemon.pid, signal);
  await ended(daemon);
}

/** Waits until the process of a daemon that was sent a signal is gone. */
export async function ended({ pid, command }: Daemon): Promise<void> {
  await until(`${command[0]} (${pid}) to end`, async () => !(await isAlive({ pid })), 30_000);
}

/** Whether the process runs: a zombie that its parent has not reaped yet does not. */
export async function isAlive({ pid }: Pick<Daemon, 'pid'>): Promise<boolean> {
  try {
    return !/^State:\s+[ZX]/m.test(await readFile(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/**
 * Removes what a daemon leaves for its next start: the bridge of its network, its own empty cgroups, and the parent that
 * the suite gave its pods.
 */
export async function removeTraces(layout: Layout): Promise<void> {
  const { bridge, cgroupParent } = layout.names;
  if ((await readdir('/sys/class/net')).includes(bridge)) await run('ip', 'link', 'delete', bridge);
  const own = berthName(layout);
  if (cgroupParent.endsWith('.slice')) await run('systemctl', 'stop', cgroupParent, `${own}.slice`);
  await removeCgroups(`${own}/helpers`, `${own}/monitors`, own, cgroupParent);
}

/** Removes cgroups that are empty, each in all hierarchies. */
export async function removeCgroups(...names: string[]): Promise<void> {
  const base = '/sys/fs/cgroup';
  for (const hierarchy of [base, ...(await readdir(base)).map((name) => join(base, name))]) {
    for (const name of names) await removeCgroup(join(hierarchy, name));
  }
}

async function removeCgroup(path: string): Promise<void> {
  await rmdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
  });
}
