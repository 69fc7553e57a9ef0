import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { Inlet } from '../inlet';
import { closeCode } from './channel-socket';

/** The bytes of binary messages in their order, whatever their sizes; ending it closes the WebSocket. */
export class WebSocketBytes extends Duplex {
  private readonly inlet: Inlet;

  constructor(private readonly socket: WebSocket) {
    super({ allowHalfOpen: true, emitClose: true, readableHighWaterMark: 1 });
    this.inlet = new Inlet(
      (piece) => this.push(piece),
      () => socket.isPaused && socket.resume(),
    );
    socket.on('message', (data) => {
      if (data instanceof Buffer && !this.inlet.receive(data)) socket.pause();
    });
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', (code) => {
      if (code === closeCode.abnormal) {
        this.destroy();
        return;
      }
      this.inlet.end();
      // Nothing can be written any more; what came can still be read.
      if (this.readableEnded) this.destroy();
      else this.once('end', () => this.destroy());
    });
  }

  override _read(): void {
    this.inlet.read();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.socket.send(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.socket.close(closeCode.normal);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.socket.terminate();
    this.inlet.close();
    done(error);
  }
}
