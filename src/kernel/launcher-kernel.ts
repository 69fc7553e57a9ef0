import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { abortable, anySignal, BerthError, Encoder, pause } from '../base';
import { hasProfile } from './app-armor/profiles';
import type { BulkServer, Expected } from './bulk-server';
import { limitIn, readLimitsIn, scoreIn } from './cgroup-limits';
import { checkCgroupPath, createIn, foldersUpTo, missingIn, removeEmptyIn, removeIn } from './cgroups';
import type { Subject } from './errors';
import type { Hierarchy } from './hierarchies';
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
import type { Launcher, LauncherHealth } from './launcher';
import { maxFile, maxStdin, Op } from './protocol/ops';
import { decodeCounters, decodeFile, decodeIdentity, decodeRun } from './protocol/replies';
import * as requests from './protocol/requests';

/** Milliseconds for a connection that was made before its program ended, but is seen after that. */
const socketGraceMs = 1000;

/** Milliseconds for a connection that was handed over to be here. */
const handoverMs = 10_000;

/** Network namespaces in one request: their answers are far below its bound. */
const maxNamespaces = 500;

/** A program that has ended had connected before it was executed, unless it was killed even before that. */
async function lateSocket(expected: Expected, subject: Subject, ended: RunResult): Promise<Socket> {
  const socket = await Promise.race([expected.socket, pause(socketGraceMs)]);
  if (socket) return socket;
  const detail = `it was ended by signal ${ended.signal} before it took its stdin`;
  throw new BerthError(ended.timedOut ? 'deadline-exceeded' : 'program-failed', { ...subject, detail });
}

/** The kernel through the launcher. */
export class LauncherKernel implements Kernel {
  constructor(
    readonly facts: KernelFacts,
    private readonly launcher: Launcher,
    private readonly bulk: BulkServer,
    private readonly hierarchies: readonly Hierarchy[],
    private readonly release: () => Promise<void>,
  ) {}

  health(): LauncherHealth {
    return this.launcher.health();
  }

  async run(request: RunRequest, signal?: AbortSignal): Promise<RunResult> {
    const subject = { op: 'run', object: request.path };
    if (request.stdin !== undefined && Buffer.byteLength(request.stdin) > maxStdin)
      throw new BerthError('argument-invalid', { ...subject, detail: `stdin has more than ${maxStdin} bytes` });
    return decodeRun(await this.launcher.call(Op.run, subject, requests.encodeRun(request), signal));
  }

  async runStreamed(request: Omit<RunRequest, 'stdin'>, signal?: AbortSignal): Promise<StreamedRun> {
    const subject = { op: 'run', object: request.path };
    using expected = this.bulk.expect();
    const payload = requests.encodeRunStreamed(request, expected.token);
    const result = this.launcher.call(Op.runStreamed, subject, payload, signal).then(decodeRun);
    const stdin = await Promise.race([expected.socket, result.then((ended) => lateSocket(expected, subject, ended))]);
    // A program that leaves early breaks the pipe; its result says why.
    stdin.on('error', () => undefined).resume();
    const over = () => void stdin.destroy();
    result.then(over, over);
    return { stdin, result };
  }

  async startMonitor(request: MonitorRequest, signal?: AbortSignal): Promise<ProcessIdentity> {
    const subject = { op: 'start monitor', object: request.path };
    return decodeIdentity(await this.launcher.call(Op.startMonitor, subject, requests.encodeMonitor(request), signal));
  }

  async mountOverlay(mount: OverlayMount): Promise<void> {
    const subject = { op: 'mount overlay', object: mount.target };
    await this.launcher.call(Op.mountOverlay, subject, requests.encodeOverlay(mount));
  }

  async mountBind(mount: BindMount): Promise<void> {
    const subject = { op: 'bind', object: `${mount.source} on ${mount.target}` };
    await this.launcher.call(Op.mountBind, subject, requests.encodeBind(mount));
  }

  async bindInRoot({ root, path, target }: BindInRoot): Promise<boolean> {
    const subject = { op: 'bind in root', object: `${path} in ${root} on ${target}` };
    return (await this.launcher.call(Op.bindInRoot, subject, requests.encodePath(root, path, target))).u8() === 1;
  }

  async mountTmpfs(mount: TmpfsMount): Promise<void> {
    const subject = { op: 'mount tmpfs', object: mount.target };
    await this.launcher.call(Op.mountTmpfs, subject, requests.encodeTmpfs(mount));
  }

  async unmount(target: string): Promise<void> {
    await this.launcher.call(Op.unmount, { op: 'unmount', object: target }, requests.encodePath(target));
  }

  async pinNamespaces(request: PinRequest): Promise<void> {
    const subject = { op: 'pin namespaces', object: request.net ?? request.ipc ?? request.uts };
    await this.launcher.call(Op.pin, subject, requests.encodePin(request));
  }

  async unpinNamespace(path: string): Promise<void> {
    await this.launcher.call(Op.unpin, { op: 'unpin namespace', object: path }, requests.encodePath(path));
  }

  async dial(netns: string | undefined, port: number, signal?: AbortSignal): Promise<Duplex> {
    const subject = { op: 'dial', object: `port ${port} in ${netns ?? 'the host network'}` };
    using expected = this.bulk.expect();
    try {
      await this.launcher.call(Op.dial, subject, requests.encodeDial(expected.token, netns, port), signal);
      // A process without a descriptor left gets the message without the connection, and is not told.
      const soon = anySignal(signal, AbortSignal.timeout(handoverMs));
      // Awaited here: the expectation ends with this function.
      return await abortable(expected.socket, soon, subject.op);
    } catch (error) {
      // It may have come nevertheless, and would be nobody's.
      void expected.socket.then((socket) => socket.destroy());
      throw error;
    }
  }

  async interfaceCounters(netns: readonly string[]): Promise<readonly (readonly InterfaceCounters[] | undefined)[]> {
    const answers: (readonly InterfaceCounters[] | undefined)[] = [];
    for (let at = 0; at < netns.length; at += maxNamespaces) {
      const some = netns.slice(at, at + maxNamespaces);
      const subject = { op: 'interface counters', object: `${some.length} network namespaces` };
      const reply = await this.launcher.call(Op.interfaceCounters, subject, new Encoder().list(some).finish());
      answers.push(...decodeCounters(reply, some.length));
    }
    return answers;
  }

  async readInRoot(root: string, path: string, maxBytes: number): Promise<Buffer | undefined> {
    const subject = { op: 'read in root', object: `${path} in ${root}` };
    const payload = new Encoder().str(root).str(path).u32(Math.min(maxBytes, maxFile)).finish();
    return decodeFile(await this.launcher.call(Op.readInRoot, subject, payload));
  }

  async mkdirInRoot(root: string, path: string, mode: number, uid: number, gid: number): Promise<void> {
    const subject = { op: 'mkdir in root', object: `${path} in ${root}` };
    const payload = new Encoder().str(root).str(path).u32(mode).u32(uid).u32(gid).finish();
    await this.launcher.call(Op.mkdirInRoot, subject, payload);
  }

  async removeTree(path: string): Promise<void> {
    await this.launcher.call(Op.removeTree, { op: 'remove tree', object: path }, requests.encodePath(path));
  }

  async syncFs(path: string): Promise<void> {
    await this.launcher.call(Op.syncFs, { op: 'syncfs', object: path }, requests.encodePath(path));
  }

  async signal(process: ProcessIdentity, signum: number): Promise<boolean> {
    const subject = { op: 'signal', object: `process ${process.pid}` };
    const payload = new Encoder().u32(process.pid).u64(process.startTime).u32(signum).finish();
    return (await this.launcher.call(Op.signal, subject, payload)).u8() === 1;
  }

  async identify(pid: number): Promise<ProcessIdentity | undefined> {
    const subject = { op: 'identify', object: `process ${pid}` };
    const reply = await this.launcher.call(Op.identify, subject, new Encoder().u32(pid).finish());
    const alive = reply.u8() === 1;
    const startTime = reply.u64();
    return alive ? { pid, startTime } : undefined;
  }

  hasAppArmorProfile(name: string): Promise<boolean> {
    return hasProfile(this, name);
  }

  async createCgroup(path: string): Promise<void> {
    checkCgroupPath('make cgroup', path);
    await Promise.all(this.hierarchies.map((hierarchy) => createIn(hierarchy, path)));
  }

  async missingCgroup(path: string): Promise<string | undefined> {
    checkCgroupPath('look for cgroup', path);
    return missingIn(this.hierarchies, path);
  }

  async removeEmptyCgroup(path: string, top = path): Promise<void> {
    checkCgroupPath('remove cgroup', path);
    // In use anywhere is in use: one hierarchy after the other, until one says so.
    for (const folder of foldersUpTo(path, top))
      for (const hierarchy of this.hierarchies) if (!(await removeEmptyIn(hierarchy, folder))) return;
  }

  async readCgroup(path: string, files: readonly string[]): Promise<Readonly<Record<string, string>>> {
    checkCgroupPath('read cgroup', path);
    return readLimitsIn(this.hierarchies, path, files);
  }

  async limitCgroup(path: string, files: Readonly<Record<string, string>>): Promise<void> {
    checkCgroupPath('limit cgroup', path);
    await limitIn(this.hierarchies, path, files);
  }

  async scoreCgroup(path: string, score: number): Promise<void> {
    checkCgroupPath('set oom_score_adj', path);
    // Every hierarchy of v1 has them: the one that runtimes use for all, or v2.
    const hierarchy = this.hierarchies.find(
      ({ version, controllers }) => controllers.includes('memory') || (version === 2 && this.facts.cgroup === 'v2'),
    );
    if (hierarchy) await scoreIn(hierarchy, path, score);
  }

  async removeCgroup(path: string, signal?: AbortSignal): Promise<void> {
    checkCgroupPath('remove cgroup', path);
    await Promise.all(this.hierarchies.map((hierarchy) => removeIn(hierarchy, path, signal)));
  }

  requests(): readonly LauncherRequest[] {
    return this.launcher.requests();
  }

  async close(): Promise<void> {
    await this.launcher.close();
    await this.bulk[Symbol.asyncDispose]();
    await this.release();
  }
}
