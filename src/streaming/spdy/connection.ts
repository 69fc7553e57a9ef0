import type { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { BerthError } from '../../base';
import { type Log, abortable, isBerthError, messageOf } from '../../base';
import { goneError, idleError } from '../endings';
import { FrameWriter } from './frame-writer';
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
import { StreamTable } from './stream-table';

/** Frames of one connection that are taken before others have their turn: a flood of small ones holds nobody up. */
const framesInARow = 256;

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
  private readonly streams: StreamTable;
  private readonly encoder = new HeadersEncoder();
  private readonly decoder = new HeadersDecoder();
  private readonly writer: FrameWriter;
  private readonly sender: StreamSender;
  private readonly lost = new AbortController();
  private readonly idle: NodeJS.Timeout | undefined;
  private taken = 0;
  private closing = false;
  /** The peer said GOAWAY: it takes no more streams. */
  private peerLeaves = false;
  /** Settles when the socket is done with; never rejects. */
  readonly done: Promise<void>;

  constructor(
    private readonly socket: Duplex,
    /** Bytes that came with the upgrade. */
    head: Buffer,
    private readonly options: ConnectionOptions,
  ) {
    this.streams = new StreamTable(options.role);
    const writer = new FrameWriter(socket, options.role === 'client' ? 1 : 2, () => this.idle?.refresh());
    this.writer = writer;
    this.sender = {
      sendData: (id, payload, done) => writer.data(id, payload, done),
      sendFin: (id, done) => writer.fin(id, done),
      sendReset: (id, status) => writer.answer(rstStream(id, status)),
      forget: (id) => this.forget(id),
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

  /** Opens a stream and waits for the peer to accept it; one that is not waited for any longer is reset. */
  async openStream(headers: Headers, signal?: AbortSignal): Promise<SpdyStream> {
    let opened: { stream: SpdyStream; replied: Promise<void> } | undefined;
    await this.encoder.encode(headers, (block) => {
      if (!this.writer.open || this.peerLeaves) throw goneError();
      const stream = new SpdyStream(this.streams.takeOwnId(), headers, this.sender);
      opened = { stream, replied: this.streams.replied(stream.id) };
      this.streams.add(stream);
      this.writer.write(synStream(stream.id, block));
    });
    if (!opened) throw goneError();
    try {
      await abortable(opened.replied, signal, 'open a stream');
    } catch (error) {
      this.streams.settle(opened.stream.id);
      opened.stream.reset(resetStatus.cancel);
      throw error;
    }
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
        if (this.closing) this.writer.heard();
        else if (chunk instanceof Buffer) await this.takeAll(reader.read(chunk));
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
        await this.writer.room();
        if (this.closing) return;
        if (++this.taken % framesInARow === 0) await setImmediate();
      }
    } catch (error) {
      this.fail(isBerthError(error) ? error : protocolError(messageOf(error)));
    } finally {
      this.writer.flush();
    }
  }

  private async take(frame: Frame): Promise<void> {
    switch (frame.kind) {
      case 'data':
        return this.takeData(frame.streamId, frame.payload, frame.fin);
      case 'syn-stream':
        return this.takeOpen(frame, await this.decoder.decode(frame.block));
      case 'syn-reply':
      case 'headers':
        await this.decoder.decode(frame.block);
        if (frame.kind === 'syn-reply') this.streams.settle(frame.streamId);
        if (frame.fin) this.streams.get(frame.streamId)?.receiveFin();
        return;
      case 'reset':
        this.streams.settle(frame.streamId, protocolError(`the peer refused the stream: ${frame.status}`));
        this.streams.get(frame.streamId)?.receiveReset(frame.status);
        return;
      case 'ping':
        if (!this.writer.isOwnPing(frame.id)) this.writer.answer(ping(frame.id));
        return;
      case 'goaway':
        this.peerLeaves = true;
        this.endIfLeft();
        return;
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
      if (!this.streams.wasOpen(streamId)) this.writer.answer(rstStream(streamId, resetStatus.invalidStream));
      return;
    }
    const behind = stream.receive(payload);
    if (behind) await this.writer.probeWhile(behind);
    if (fin) stream.receiveFin();
  }

  private async takeOpen(frame: Extract<Frame, { kind: 'syn-stream' }>, headers: Headers): Promise<void> {
    const { streamId, fin, unidirectional } = frame;
    this.streams.admit(streamId);
    const { onStream } = this.options;
    if (!onStream || this.peerLeaves || this.streams.peerCount >= this.options.maxStreams) {
      this.writer.answer(rstStream(streamId, resetStatus.refused));
      return;
    }
    const stream = new SpdyStream(streamId, headers, this.sender);
    this.streams.add(stream);
    // Data before the reply would be dropped by the peer: the reply goes out before anybody has the stream.
    if (unidirectional) stream.receiveOnly();
    else await this.encoder.encode(new Map(), (block) => this.writer.answer(synReply(streamId, block)));
    if (this.closing) return;
    if (fin) stream.receiveFin();
    onStream(stream);
  }

  private forget(streamId: number): void {
    this.streams.delete(streamId);
    this.endIfLeft();
  }

  /** A client that has said goodbye and has no streams is gone, whether or not it closes its socket. */
  private endIfLeft(): void {
    if (this.peerLeaves && this.options.role === 'server' && this.streams.size === 0) this.fail(goneError());
  }

  private fail(error: BerthError): void {
    if (this.closing) return;
    this.lost.abort(error);
    this.hangUp(error.code === 'stream-protocol' ? goawayStatus.protocolError : goawayStatus.ok);
    this.streams.breakAll(error);
  }

  private hangUp(status: number): void {
    if (this.closing) return;
    this.closing = true;
    clearTimeout(this.idle);
    this.writer.goodbye(this.streams.lastGoodId, status);
    // A reader that holds the read loop up would keep the peer's end from being seen.
    this.streams.stopReading();
  }

  private breakOff(): void {
    if (!this.closing) this.lost.abort(goneError());
    this.closing = true;
    clearTimeout(this.idle);
    this.streams.breakAll(goneError());
  }
}
