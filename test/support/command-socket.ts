import { once } from 'node:events';
import { WebSocket } from 'ws';

/** In PEM: who signs the server's certificate, and the client's own. */
interface ClientTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A client of exec and attach over WebSocket, as kubectl's and crictl's are: what came on each channel, and how it closed. */
export class CommandSocket {
  private readonly came = new Map<number, Buffer[]>();
  /** The close code and its reason. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer, isBinary) => {
      // The base64 forms come as text: a digit, then base64.
      const channel = isBinary ? data[0] : Number(data.toString()[0]);
      const payload = isBinary ? data.subarray(1) : Buffer.from(data.toString().slice(1), 'base64');
      this.of(channel ?? -1).push(payload);
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  /** Rejects with the HTTP status if the server refuses. */
  static async open(url: string, protocols: string | string[], tls: ClientTls = {}): Promise<CommandSocket> {
    const socket = new WebSocket(url.replace(/^http/, 'ws'), protocols, { perMessageDeflate: false, ...tls });
    const client = new CommandSocket(socket);
    await once(socket, 'open');
    return client;
  }

  get protocol(): string {
    return this.socket.protocol;
  }

  stdin(data: string | Buffer): void {
    this.send(0, data);
  }

  /** v5 only. */
  endStdin(): void {
    this.socket.send(Buffer.of(255, 0));
  }

  resize(width: number, height: number): void {
    this.send(4, JSON.stringify({ Width: width, Height: height }));
  }

  send(channel: number, data: string | Buffer): void {
    const bytes = Buffer.from(data);
    if (this.protocol.includes('base64')) this.socket.send(`${channel}${bytes.toString('base64')}`);
    else this.socket.send(Buffer.concat([Buffer.of(channel), bytes]));
  }

  /** What has come on a channel so far. */
  bytes(channel: number): Buffer {
    return Buffer.concat(this.of(channel));
  }

  text(channel: number): string {
    return this.bytes(channel).toString();
  }

  /** Waits for the end and gives all of it: the status as JSON, or as the text that the older protocols have. */
  async end(): Promise<{ stdout: string; stderr: string; status: unknown; code: number }> {
    const { code } = await this.closed;
    const status = this.text(3);
    return {
      stdout: this.text(1),
      stderr: this.text(2),
      status: status.startsWith('{') ? (JSON.parse(status) as unknown) : status,
      code,
    };
  }

  private of(channel: number): Buffer[] {
    const known = this.came.get(channel);
    if (known) return known;
    const fresh: Buffer[] = [];
    this.came.set(channel, fresh);
    return fresh;
  }
}
