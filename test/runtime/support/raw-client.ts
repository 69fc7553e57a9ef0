import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { encodeFrame, FrameReader, type Frame } from '../../../src/runtime/monitor/frames';
import { encodeHello, frameType } from '../../../src/runtime/monitor/protocol';

/** A client that sends whatever it is told to, and keeps what it gets. */
export class RawClient {
  readonly frames: Frame[] = [];
  /** Resolves when the monitor has closed. */
  readonly closed: Promise<unknown>;

  private constructor(private readonly socket: Socket) {
    const reader = new FrameReader();
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => this.frames.push(...reader.push(Buffer.from(chunk))));
  }

  static async connect(path: string): Promise<RawClient> {
    const socket = createConnection({ path });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Connects and says its role. */
  static async greet(path: string, role: number): Promise<RawClient> {
    const client = await RawClient.connect(path);
    client.greetAs(role);
    return client;
  }

  greetAs(role: number): void {
    this.send(frameType.hello, encodeHello(role), 1);
  }

  send(type: number, payload?: Buffer, tag = 5): void {
    this.socket.write(encodeFrame(type, tag, payload));
  }

  /** Resolves with the first frame of this type. */
  async frame(type: number): Promise<Frame> {
    for (;;) {
      const found = this.frames.find((frame) => frame.type === type);
      if (found) return found;
      if (this.socket.destroyed) throw new Error(`the monitor has closed without a frame of type ${type}`);
      await Promise.race([once(this.socket, 'data'), this.closed]);
    }
  }

  close(): void {
    this.socket.destroy();
  }
}
