import { createConnection, type Socket } from 'node:net';
import { abortable, BerthError, messageOf } from '../../base';
import { decodeError, decodeWelcome, encodeHello, errorCode, frameType, protocolVersion } from './protocol';
import type { MonitorRefusal, Welcome } from './protocol';
import { runtimeError } from './runtime-error';
import { encodeFrame, encodeHeader, FrameReader, type Frame } from './frames';

/** How long a monitor may take for its first answer, in milliseconds: it is one process with nothing else to do. */
const greetingMs = 10_000;
/** The same of one that starts and ends many execs at once, on a machine that has too much to do: whoever waits has a deadline. */
export const busyGreetingMs = 60_000;

const output: ReadonlySet<number> = new Set([frameType.stdout, frameType.stderr]);

/** One connection to a monitor, in one role. */
export class MonitorConnection {
  private readonly reader = new FrameReader(output);

  private constructor(
    readonly path: string,
    private readonly socket: Socket,
  ) {
    // Every read and write below tells of the error; without a listener it would end the process.
    socket.on('error', () => undefined);
  }

  /** Dials and says which role it is for, without waiting for the greeting: its answer is the first frame. */
  static open(path: string, role: number): MonitorConnection {
    const connection = new MonitorConnection(path, createConnection({ path }));
    connection.socket.write(encodeFrame(frameType.hello, 1, encodeHello(role)));
    return connection;
  }

  /** Takes the bytes on; resolves when the kernel has them. */
  async send(type: number, tag: number, payload: Uint8Array = new Uint8Array()): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(this.lost(error)) : resolve());
      // Both in one system call, without a copy: a process's input goes through here.
      this.socket.cork();
      this.socket.write(encodeHeader(type, tag, payload.length));
      this.socket.write(payload, done);
      this.socket.uncork();
    });
  }

  /** Every frame, in order; the next one is read when the last is dealt with: that is the backpressure. */
  async *frames(): AsyncGenerator<Frame> {
    try {
      for await (const chunk of this.socket) yield* this.reader.push(chunk as Buffer);
    } catch (error) {
      throw this.lost(error);
    }
  }

  /** Closes now, whatever is under way. */
  destroy(): void {
    this.socket.destroy();
  }

  lost(error?: unknown): BerthError {
    return new BerthError('monitor-lost', {
      op: 'talk to the monitor',
      object: this.path,
      detail: error === undefined ? 'it closed the connection' : messageOf(error),
      cause: error,
    });
  }
}

/** The greeting, from the first frame; rejects if the monitor refuses, is silent, or speaks another version. */
export async function expectWelcome(
  connection: MonitorConnection,
  frames: AsyncGenerator<Frame>,
  signal?: AbortSignal,
  ms = greetingMs,
): Promise<Welcome> {
  const bound = AbortSignal.timeout(ms);
  const first = await abortable(
    frames.next(),
    signal ? AbortSignal.any([signal, bound]) : bound,
    'wait for the monitor to answer',
  );
  if (first.done) throw connection.lost();
  if (first.value.type === frameType.error) throw refusalError(decodeError(first.value.payload), connection.path);
  if (first.value.type !== frameType.welcome) throw connection.lost(new Error('it answered with an unknown frame'));
  const welcome = decodeWelcome(first.value.payload);
  if (welcome.version !== protocolVersion) throw connection.lost(new Error(`it speaks version ${welcome.version}`));
  return welcome;
}

/** A monitor's refusal as an error of ours. */
export function refusalError({ code, message }: MonitorRefusal, object: string): BerthError {
  const parts = { op: 'ask the monitor', object, detail: message };
  switch (code) {
    case errorCode.runtime:
      return runtimeError(parts.op, object, message);
    case errorCode.state:
      return new BerthError('container-state', parts);
    case errorCode.unsupported:
      return new BerthError('not-implemented', parts);
    case errorCode.slow:
      return new BerthError('stream-slow', parts);
    default:
      return new BerthError('internal', parts);
  }
}
