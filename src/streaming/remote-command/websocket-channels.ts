import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { stopError } from '../endings';
import type { SessionParts } from '../session';
import type { ClientStreams } from '../target';
import { ChannelSocket, closeCode } from '../websocket/channel-socket';
import type { ChannelCodec } from '../websocket/codec';
import type { RemoteCommand } from './command';
import { type CommandVersion, hasResize } from './protocols';
import { sendAll } from './send-all';
import type { CommandChannels } from './session';
import { type CommandOutcome, encodeOutcome } from './status';
import { terminalSizes } from './terminal-sizes';

/** The number of each stream. */
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

/** The streams of one command over a WebSocket: they are there from the start. */
export class WebSocketChannels implements CommandChannels {
  private readonly socket: ChannelSocket;
  private readonly streams: ClientStreams;
  private readonly error: Writable;

  constructor(
    webSocket: WebSocket,
    { request }: RemoteCommand,
    private readonly version: CommandVersion,
    codec: ChannelCodec,
    { idleTimeoutMs, log }: Omit<SessionParts, 'target'>,
  ) {
    const socket = new ChannelSocket(webSocket, { codec, halfClose: version === 'v5', idleTimeoutMs, log });
    const resize = request.tty && hasResize(version) ? socket.input(channel.resize) : undefined;
    this.socket = socket;
    this.error = socket.output(channel.error);
    this.streams = {
      stdin: request.stdin ? socket.input(channel.stdin) : undefined,
      stdout: request.stdout ? socket.output(channel.stdout) : undefined,
      stderr: request.stderr && !request.tty ? socket.output(channel.stderr) : undefined,
      resize: resize && terminalSizes(resize),
      signal: socket.signal,
    };
  }

  opened(): Promise<ClientStreams> {
    const { stdout, stderr } = this.streams;
    // Clients take an empty message on the first channel to them for the word that the command may begin, as the
    // kubelet's own server sends it.
    (stdout ?? stderr ?? this.error).write(Buffer.alloc(0));
    return Promise.resolve(this.streams);
  }

  async finish(outcome: CommandOutcome): Promise<void> {
    // The output comes before the status: some clients stop reading at the status.
    await Promise.all([this.streams.stdout, this.streams.stderr].map(sendAll));
    this.error.write(encodeOutcome(outcome, this.version));
    await sendAll(this.error);
    await this.socket.close();
  }

  stop(): void {
    this.socket.stop(closeCode.goingAway, stopError('stream'));
  }
}
