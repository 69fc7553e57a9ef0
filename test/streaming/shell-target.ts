import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import type {
  AttachStreamRequest,
  ClientStreams,
  ExecStreamRequest,
  PortForwardRequest,
  StreamTarget,
} from '../../src/streaming';

/**
 * A target that runs commands on this machine, and dials it: what the streams carry is what real processes write and read.
 * Each attach has a process of its own, which repeats its input.
 */
export class ShellTarget implements StreamTarget {
  readonly requests: ExecStreamRequest[] = [];
  readonly aborted: string[] = [];
  /** Aborting it stops the pod. */
  readonly stopping = new AbortController();
  private readonly running = new Set<ChildProcess>();

  async exec(request: ExecStreamRequest, streams: ClientStreams): Promise<number> {
    this.requests.push(request);
    const [path = '', ...args] = request.cmd;
    const child = spawn(path, args, { stdio: 'pipe' });
    this.running.add(child);
    const kill = () => {
      this.aborted.push(request.containerId);
      child.kill('SIGKILL');
    };
    streams.signal.addEventListener('abort', kill, { once: true });
    if (streams.signal.aborted) kill();
    if (streams.stdin) streams.stdin.pipe(child.stdin);
    else child.stdin.end();
    // A command that does not read to the end breaks the pipe: as in a shell, that is no error.
    child.stdin.on('error', () => undefined);
    if (streams.stdout) child.stdout.pipe(streams.stdout);
    if (streams.stderr) child.stderr.pipe(streams.stderr);
    await once(child, 'close');
    this.running.delete(child);
    streams.signal.removeEventListener('abort', kill);
    return child.exitCode ?? 137;
  }

  attach(request: AttachStreamRequest, streams: ClientStreams): Promise<number> {
    return this.exec({ ...request, cmd: ['/bin/cat'] }, streams);
  }

  async dial(_request: PortForwardRequest, port: number, signal: AbortSignal): Promise<Duplex> {
    const socket = createConnection({ host: '127.0.0.1', port, allowHalfOpen: true, signal });
    await once(socket, 'connect');
    return socket;
  }

  untilStopped(): AbortSignal {
    return this.stopping.signal;
  }

  /** Commands that have not ended. */
  get active(): number {
    return this.running.size;
  }
}
