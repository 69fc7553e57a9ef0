import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { atGivenPriority, BerthError, Decoder, errnoOf, type Log, messageOf } from '../base';
import { lostError, replyError, type Subject } from './errors';
import type { LauncherRequest } from './kernel';
import { encodeFrame, type Frame, FrameReader } from './protocol/frames';
import { maxRequest, Op, type OpNumber, protocolVersion } from './protocol/ops';

export interface LauncherOptions {
  readonly path: string;
  readonly bulkPath: string;
  readonly helpersDir: string;
  readonly monitorsDirs: readonly string[];
  /** Descriptor of the open lock file, which the launcher keeps until its helpers are dead. */
  readonly lockFd: number | undefined;
  /** Called with each connection that a child hands over, and the token that it shows. */
  readonly onSocket: (token: string, socket: Socket) => void;
  readonly log: Log;
}

interface Pending {
  readonly subject: Subject;
  /** Of performance.now(). */
  readonly begun: number;
  readonly settle: (frame: Frame) => void;
  readonly fail: (error: BerthError) => void;
}

const start: Subject = { op: 'start the launcher' };

/** One launcher process and the requests in flight to it. */
export class LauncherConnection {
  /** Settles with the reason once the process is gone; it never rejects. */
  readonly closed: Promise<string>;
  private readonly pending = new Map<number, Pending>();
  private readonly reader = new FrameReader();
  private nextId = 1;
  private lost: string | undefined;

  private constructor(
    private readonly child: ChildProcess,
    private readonly socket: Socket,
    private readonly log: Log,
  ) {
    this.closed = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.lost = `the launcher ended with ${signal ?? `status ${code}`}`;
        for (const { subject, fail } of this.pending.values()) fail(lostError(subject, this.lost));
        this.pending.clear();
        socket.destroy();
        resolve(this.lost);
      });
    });
    socket.on('data', (chunk) => this.take(chunk));
    // The end of the socket comes with the end of the process, which is what is waited for.
    socket.on('error', (error) => log.debug({ err: error }, 'the control socket of the launcher broke'));
  }

  /** Spawns the launcher and waits for its greeting: the only fork while this process serves. */
  static async start(options: LauncherOptions): Promise<LauncherConnection> {
    const args = [options.bulkPath, options.helpersDir, ...options.monitorsDirs];
    const spawnOptions: SpawnOptions = {
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin' },
      // A session of its own: a Ctrl-C at a terminal reaches berthd alone, which then closes the launcher.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', options.lockFd ?? 'ignore', 'ipc'],
    };
    const child = atGivenPriority(() => spawn(options.path, args, spawnOptions));
    try {
      await once(child, 'spawn');
    } catch (error) {
      const code = errnoOf(error) === 'ENOENT' ? 'program-missing' : 'kernel-refused';
      throw new BerthError(code, { ...start, object: options.path, detail: messageOf(error), cause: error });
    }
    const socket = child.stdio[3];
    if (!(socket instanceof Socket)) throw lostError(start, 'it has no control socket');
    child.stderr?.setEncoding('utf8').on('data', (text: string) => options.log.error(`launcher: ${text.trimEnd()}`));
    // The one way in which Node takes descriptors from another process. It is not what keeps this process alive.
    child.on('message', (token, handed) => {
      if (handed instanceof Socket) options.onSocket(typeof token === 'string' ? token : '', handed);
    });
    child.channel?.unref();
    const connection = new LauncherConnection(child, socket, options.log);
    await connection.greeting();
    return connection;
  }

  /** Requests that are not answered yet. */
  get inFlight(): number {
    return this.pending.size;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Sends a request. The reply rejects with the operation's error, or with launcher-lost. */
  request(op: OpNumber, subject: Subject, payload: Buffer): { id: number; reply: Promise<Decoder> } {
    const id = this.nextId;
    this.nextId = id === 0xffff_ffff ? 1 : id + 1;
    return { id, reply: this.exchange(id, op, subject, payload) };
  }

  /** Those that are not answered yet, oldest first. */
  requests(): readonly LauncherRequest[] {
    const now = performance.now();
    return [...this.pending.values()].map(({ subject: { op, object }, begun }) => ({ op, object, ms: now - begun }));
  }

  /** Closes our end: the launcher kills its helpers and ends. */
  async end(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  private async exchange(id: number, op: OpNumber, subject: Subject, payload: Buffer): Promise<Decoder> {
    if (this.lost !== undefined || this.socket.destroyed) throw lostError(subject, this.lost ?? 'it is closed');
    if (payload.length > maxRequest)
      throw new BerthError('argument-invalid', {
        ...subject,
        detail: `the request has ${payload.length} bytes, the launcher takes ${maxRequest}`,
      });
    const frame = this.frameFor(id, subject);
    this.socket.write(encodeFrame(id, op, payload));
    const answer = await frame;
    if (answer.status !== 0) throw replyError(subject, answer);
    return new Decoder(answer.payload);
  }

  /** What the launcher answers to this id. */
  private frameFor(id: number, subject: Subject): Promise<Frame> {
    const begun = performance.now();
    return new Promise((settle, fail) => this.pending.set(id, { subject, begun, settle, fail }));
  }

  private async greeting(): Promise<void> {
    const frame = await this.frameFor(0, start);
    const version = new Decoder(frame.payload).u32();
    if (frame.op !== Op.hello || version !== protocolVersion) {
      await this.end();
      throw lostError(start, `it speaks version ${version} of the protocol, this is ${protocolVersion}`);
    }
  }

  private take(chunk: Buffer): void {
    try {
      for (const frame of this.reader.push(chunk)) {
        const waiting = this.pending.get(frame.id);
        this.pending.delete(frame.id);
        waiting?.settle(frame);
      }
    } catch (error) {
      this.log.error({ err: error }, 'the launcher breaks its protocol: it is ended');
      this.child.kill('SIGKILL');
    }
  }
}
