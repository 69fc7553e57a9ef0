import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Cri } from './cri';

/** A Node program in the network of a container, which says that it listens with its first line. */
export class PodProgram implements AsyncDisposable {
  private readonly lines: AsyncIterator<string>;

  private constructor(private readonly child: ChildProcess) {
    if (!child.stdout) throw new Error('it has no stdout');
    this.lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  /** The program finds `listen(port, host, perSocket)` and `say(line)`. */
  static async start(cri: Cri, containerId: string, script: string): Promise<PodProgram> {
    const { info } = await cri.containerStatusVerbose(containerId);
    const { pid } = JSON.parse(info['info'] ?? '{}') as { pid: number };
    const whole = `
      const say = (line) => process.stdout.write(line + '\\n');
      const starts = [];
      const listen = (port, host, perSocket) => starts.push(new Promise((listening) =>
        require('net').createServer({ allowHalfOpen: true }, (socket) => {
          socket.on('error', () => undefined);
          perSocket(socket);
        }).listen(port, host, listening)));
      ${script}
      Promise.all(starts).then(() => say('listening'));`;
    const args = [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', whole];
    const program = new PodProgram(spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] }));
    const first = await program.line();
    if (first !== 'listening') throw new Error(`the program said ${first}`);
    return program;
  }

  /** The next line that it says. */
  async line(): Promise<string> {
    const next = await this.lines.next();
    if (next.done) throw new Error('the program has ended');
    return next.value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}
