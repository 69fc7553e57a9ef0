import { Readable, Writable } from 'node:stream';
import { WebSocket } from 'ws';
import type { BerthError } from '../../base';
import { type Log } from '../../base';
import { goneError, idleError } from '../endings';
import { Inlet } from '../inlet';
import type { ChannelCodec } from './codec';

export interface ChannelOptions {
  readonly codec: ChannelCodec;
  /** Whether 255 and a channel's number end that channel's input (v5). */
  readonly halfClose: boolean;
  /** Milliseconds without a message in either direction until the connection is given up; 0 is never. */
  readonly idleTimeoutMs: number;
  readonly log: Log;
}

/** The channel that ends another one (v5). */
const closeChannel = 255;
/** What waits for the peer. */
const highWaterMark = 64 * 1024;
/** While a slow reader holds the connection up, nothing is read: only a write tells that the peer is gone. */
const probeMs = 5_000;

/** Close codes (RFC 6455, 7.4.1); `abnormal` is no frame's, but what a connection that broke is told by. */
export const closeCode = { normal: 1000, goingAway: 1001, abnormal: 1006, policy: 1008 } as const;

/**
 * Numbered channels over one WebSocket, as one-way streams. A reader that is behind stops the whole connection, as with
 * SPDY, and TCP slows the peer down; what is written waits for the kernel.
 */
export class ChannelSocket {
  /** Settles when the socket is done with; never rejects. */
  readonly done: Promise<void>;
  private readonly inputs = new Map<number, { readonly inlet: Inlet; readonly input: Readable }>();
  private readonly behind = new Set<number>();
  private readonly lost = new AbortController();
  private readonly idle: NodeJS.Timeout | undefined;
  private probe: NodeJS.Timeout | undefined;
  private closing = false;

  constructor(
    private readonly socket: WebSocket,
    private readonly options: ChannelOptions,
  ) {
    const { idleTimeoutMs, log } = options;
    socket.on('message', (data) => this.take(data));
    for (const sign of ['ping', 'pong'] as const) socket.on(sign, () => this.idle?.refresh());
    // The close event follows, and tells the rest.
    socket.on('error', (error) => log.debug({ err: error }, 'WebSocket broke'));
    this.done = new Promise((resolve) => {
      socket.once('close', () => {
        this.gone();
        resolve();
      });
    });
    if (idleTimeoutMs > 0) {
      this.idle = setTimeout(() => this.stop(closeCode.policy, idleError(idleTimeoutMs)), idleTimeoutMs);
      this.idle.unref();
    }
  }

  /** Aborted when the peer is gone, broke the protocol or was idle for too long; not by `close`. */
  get signal(): AbortSignal {
    return this.lost.signal;
  }

  /** What the peer sends on a channel. Channels that nobody has asked for are dropped. */
  input(channel: number): Readable {
    const inlet = new Inlet(
      (piece) => input.push(piece),
      () => this.caughtUp(channel),
    );
    const input = new Readable({
      highWaterMark: 1,
      read: () => inlet.read(),
      destroy: (error, done) => {
        this.inputs.delete(channel);
        inlet.close();
        done(error);
      },
    });
    // A channel that nobody listens to must not end the process when its connection breaks.
    input.on('error', () => undefined);
    this.inputs.set(channel, { inlet, input });
    return input;
  }

  /** A channel to the peer. Its end cannot be told, but by the end of the connection. */
  output(channel: number): Writable {
    const output = new Writable({
      highWaterMark,
      write: (chunk: Buffer, _encoding, done) => {
        if (this.socket.readyState !== WebSocket.OPEN) {
          done(goneError());
          return;
        }
        this.idle?.refresh();
        this.socket.send(this.options.codec.encode(channel, chunk), (error) => done(error ? goneError() : undefined));
      },
    });
    output.on('error', () => undefined);
    const lost = () => output.destroy(goneError());
    this.signal.addEventListener('abort', lost, { once: true });
    output.once('close', () => this.signal.removeEventListener('abort', lost));
    return output;
  }

  /** Closes behind everything that was written, and waits for the peer to do the same. */
  async close(): Promise<void> {
    if (!this.closing) this.hangUp(closeCode.normal, '');
    await this.done;
  }

  /** Gives up: the streams break, `signal` is aborted, the peer is told why. */
  stop(code: number, error: BerthError): void {
    if (this.closing) return;
    this.lost.abort(error);
    this.hangUp(code, error.detail);
  }

  private take(data: unknown): void {
    this.idle?.refresh();
    const message = data instanceof Buffer ? this.options.codec.decode(data) : undefined;
    if (!message || this.closing) return;
    const { channel, payload } = message;
    if (this.options.halfClose && channel === closeChannel) {
      const [ended] = payload;
      if (ended !== undefined) this.end(ended);
      return;
    }
    // Behind its end there is no more of it.
    const waiting = this.inputs.get(channel);
    if (!waiting || waiting.inlet.receive(payload)) return;
    this.behind.add(channel);
    this.socket.pause();
    this.probe ??= setInterval(() => this.ping(), probeMs).unref();
  }

  private end(channel: number): void {
    this.inputs.get(channel)?.inlet.end();
    this.inputs.delete(channel);
  }

  private ping(): void {
    if (this.socket.readyState === WebSocket.OPEN && this.socket.bufferedAmount < highWaterMark) this.socket.ping();
  }

  private caughtUp(channel: number): void {
    this.behind.delete(channel);
    if (this.behind.size === 0) this.readOn();
  }

  private readOn(): void {
    clearInterval(this.probe);
    this.probe = undefined;
    if (this.socket.isPaused) this.socket.resume();
  }

  private hangUp(code: number, reason: string): void {
    this.closing = true;
    clearTimeout(this.idle);
    // The peer's side of the closing has to be seen; what comes before it is thrown away.
    for (const { input } of [...this.inputs.values()]) input.destroy();
    this.readOn();
    // A reason has at most 123 bytes.
    this.socket.close(code, reason.replace(/[^ -~]/g, '?').slice(0, 120));
  }

  private gone(): void {
    clearTimeout(this.idle);
    clearInterval(this.probe);
    if (!this.closing) this.lost.abort(goneError());
    this.closing = true;
    for (const { input } of [...this.inputs.values()]) input.destroy(goneError());
  }
}
