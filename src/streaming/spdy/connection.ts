import type { Duplex } from 'node:stream';
import { BerthError, type Log, abortable, isBerthError, messageOf } from '../../base';
import { FrameWriter, goneError } from './frame-writer';
import {
  type Frame,
  FrameReader,
  goawayStatus,
  ping,
  protocolError,
  resetStatus,
  rstStream,
  synReply,
  synStream,
} from './frames';
import { type Headers, HeadersDecoder, HeadersEncoder } from './headers-codec';
import { SpdyStream, type StreamSender } from './stream';

export interface ConnectionOptions {
  readonly role: 'server' | 'client';
  readonly log: Log;
  /** Milliseconds without a frame in either direction until the connection is given up; 0 is never. */
  readonly idleTimeoutMs: number;
  /** Streams of the peer that may be open at once; more are refused. */
  readonly maxStreams: number;
  /** Called for each stream of the peer, after it has been replied to. */
  readonly onStream?: (stream: SpdyStream) => void;
}

/**
 * A SPDY/3.1 connection over a socket that has been upgraded, in either role. It has no flow control, as its
 * peers have none: a reader that is behind stops the whole connection, and TCP slows the peer down.
 */
export class SpdyConnection {
  private readonly streams = new Map<number, SpdyStream>();
  private readonly opening = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  private readonly encoder = new HeadersEncoder();
  private readonly decoder = new HeadersDecoder();
  private readonly writer: FrameWriter;
  private readonly sender: StreamSender;
  private readonly lost = new AbortController();
  private readonly idle: NodeJS.Timeout | undefined;
  private nextStreamId: number;
  private lastPeerStreamId = 0;
  private closing = false;
  /** Settles when the socket is done with; never rejects. */
  readonly done: Promise<void>;

  constructor(
    private readonly socket: Duplex,
    /** Bytes that came with the upgrade. */
    head: Buffer,
    private readonly options: ConnectionOptions,
  ) {
    this.nextStreamId = options.role === 'client' ? 1 : 2;
    const writer = new FrameWriter(socket, this.nextStreamId, () => this.idle?.refresh());
    this.writer = writer;
    this.sender = {
      sendData: (id, payload, done) => writer.data(id, payload, done),
      sendFin: (id, done) => writer.fin(id, done),
      sendReset: (id, status) => writer.write(rstStream(id, status)),
      forget: (id) => void this.streams.delete(id),
    };
    // The read loop sees the error too; without a listener it would end the process.
    socket.on('error', (error) => this.options.log.debug({ err: error }, 'stream connection broke'));
    // The read loop may be waiting for a stream's reader, and would not see that the socket is gone. A client may
    // still have the server's last words in hand: it goes on to read them.
    socket.on('close', () => {
      if (options.role === 'server' || socket.errored) this.breakOff();
    });
    if (head.length > 0) socket.unshift(head);
    if (options.idleTimeoutMs > 0) {
      this.idle = setTimeout(() => this.fail(idleError(options.idleTimeoutMs)), options.idleTimeoutMs);
      this.idle.unref();
    }
    this.done = this.readToEnd();
  }

  /** Aborted when the peer is gone, broke the protocol or was idle for too long; not by `close`. */
  get signal(): AbortSignal {
    return this.lost.signal;
  }

  /** Opens a stream and waits for the peer to accept it. */
  async openStream(headers: Headers, signal?: AbortSignal): Promise<SpdyStream> {
    let opened: { stream: SpdyStream; replied: Promise<void> } | undefined;
    await this.encoder.encode(headers, (block) => {
      if (!this.writer.open) throw goneError();
      const id = this.nextStreamId;
      this.nextStreamId += 2;
      const stream = new SpdyStream(id, headers, this.sender);
      const replied = new Promise<void>((resolve, reject) => this.opening.set(id, { resolve, reject }));
      // It may be rejected before anybody waits for it.
      replied.catch(() => undefined);
      this.streams.set(id, stream);
      this.writer.write(synStream(id, block));
      opened = { stream, replied };
    });
    if (!opened) throw goneError();
    await abortable(opened.replied, signal, 'open a stream');
    return opened.stream;
  }

  /** Says GOAWAY after everything that was written, waits for the peer to close, and lets go of the socket. */
  async close(): Promise<void> {
    this.hangUp(goawayStatus.ok);
    await this.done;
  }

  /** Gives up at once: the streams break and `signal` is aborted. */
  destroy(): void {
    this.fail(goneError());
    this.socket.destroy();
  }

  private async readToEnd(): Promise<void> {
    const reader = new FrameReader();
    try {
      for await (const chunk of this.socket) {
        // Behind a GOAWAY the rest is read only to be thrown away: a reset would take back what the peer has to read.
        if (this.closing || !(chunk instanceof Buffer)) continue;
        await this.takeAll(reader.read(chunk));
      }
    } catch (error) {
      this.options.log.debug({ err: error }, 'stream connection ended by an error');
    }
    this.breakOff();
    this.encoder.close();
    this.decoder.close();
    this.writer.dispose();
  }

  private async takeAll(frames: Iterable<Frame>): Promise<void> {
    try {
      for (const frame of frames) {
        this.idle?.refresh();
        await this.take(frame);
        if (this.closing) return;
      }
    } catch (error) {
      this.fail(isBerthError(error) ? error : protocolError(messageOf(error)));
    }
  }

  private async take(frame: Frame): Promise<void> {
    switch (frame.kind) {
      case 'data':
        return this.takeData(frame.streamId, frame.payload, frame.fin);
      case 'syn-stream':
        return this.takeOpen(frame.streamId, await this.decoder.decode(frame.block), frame.fin);
      case 'syn-reply':
      case 'headers':
        await this.decoder.decode(frame.block);
        if (frame.kind === 'syn-reply') this.settle(frame.streamId)?.resolve();
        if (frame.fin) this.streams.get(frame.streamId)?.receiveFin();
        return;
      case 'reset':
        this.settle(frame.streamId)?.reject(protocolError(`the peer refused the stream: ${frame.status}`));
        this.streams.get(frame.streamId)?.receiveReset(frame.status);
        return;
      case 'ping':
        if (!this.writer.isOwnPing(frame.id)) await this.writer.writeAndWait(ping(frame.id));
        return;
      case 'goaway':
      case 'ignored':
        return;
      default:
        frame satisfies never;
    }
  }

  private async takeData(streamId: number, payload: Buffer, fin: boolean): Promise<void> {
    const stream = this.streams.get(streamId);
    if (!stream) {
      // A stream that is over may still get what was under way; one that never was is a mistake of the peer.
      if (!this.wasOpen(streamId)) await this.writer.writeAndWait(rstStream(streamId, resetStatus.invalidStream));
      return;
    }
    const behind = stream.receive(payload);
    if (behind) await this.writer.probeWhile(behind);
    if (fin) stream.receiveFin();
  }

  private async takeOpen(streamId: number, headers: Headers, fin: boolean): Promise<void> {
    if (streamId % 2 === this.nextStreamId % 2 || streamId <= this.lastPeerStreamId) {
      throw protocolError(`stream id ${streamId} after ${this.lastPeerStreamId}`);
    }
    this.lastPeerStreamId = streamId;
    const { onStream } = this.options;
    if (!onStream || this.streams.size >= this.options.maxStreams) {
      await this.writer.writeAndWait(rstStream(streamId, resetStatus.refused));
      return;
    }
    const stream = new SpdyStream(streamId, headers, this.sender);
    this.streams.set(streamId, stream);
    // Data before the reply would be dropped by the peer: the reply goes out before anybody has the stream.
    await this.encoder.encode(new Map(), (block) => this.writer.write(synReply(streamId, block)));
    if (fin) stream.receiveFin();
    onStream(stream);
  }

  /** Takes the stream off those that wait for a reply. */
  private settle(streamId: number) {
    const waiting = this.opening.get(streamId);
    this.opening.delete(streamId);
    return waiting;
  }

  private wasOpen(streamId: number): boolean {
    const ours = streamId % 2 === this.nextStreamId % 2;
    return streamId < (ours ? this.nextStreamId : this.lastPeerStreamId + 1);
  }

  private fail(error: BerthError): void {
    if (this.closing) return;
    this.lost.abort(error);
    this.hangUp(error.code === 'stream-protocol' ? goawayStatus.protocolError : goawayStatus.ok);
    this.breakStreams(error);
  }

  private hangUp(status: number): void {
    if (this.closing) return;
    this.closing = true;
    clearTimeout(this.idle);
    this.writer.goodbye(this.lastPeerStreamId, status);
    // A reader that holds the read loop up would keep the peer's end from being seen.
    for (const { input } of this.streams.values()) if (!input.readableEnded) input.destroy();
  }

  private breakOff(): void {
    if (!this.closing) this.lost.abort(goneError());
    this.closing = true;
    clearTimeout(this.idle);
    this.breakStreams(goneError());
  }

  private breakStreams(error: Error): void {
    for (const waiting of this.opening.values()) waiting.reject(error);
    this.opening.clear();
    for (const stream of [...this.streams.values()]) stream.connectionLost(error);
    this.streams.clear();
  }
}

function idleError(ms: number): BerthError {
  return new BerthError('deadline-exceeded', { op: 'stream', detail: `nothing was sent for ${ms / 1000} s` });
}
