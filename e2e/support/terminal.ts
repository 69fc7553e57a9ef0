import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { slow } from '../../test/slow.cjs';
import { run } from './machine';

/** A shell command in a terminal of its own, which script(1) makes: what it shows, what is typed, how large it is. */
export class TerminalSession {
  /** All that the terminal has shown. */
  shown = '';
  /** The command's exit status. */
  readonly ended: Promise<number | null>;
  private device = '';

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.shown += text));
    this.ended = once(child, 'close').then(([status]: (number | null)[]) => status ?? null);
  }

  /** Starts the command in a terminal of so many columns and rows. */
  static async start(command: string, columns: number, rows: number): Promise<TerminalSession> {
    const script = `tty; stty cols ${columns} rows ${rows}; ${command}`;
    // script(1) starts $SHELL, which is bash for some and unset for others: one shell for all.
    const env = { ...process.env, SHELL: '/bin/sh' };
    const session = new TerminalSession(spawn('script', ['-qefc', script, '/dev/null'], { env, stdio: 'pipe' }));
    session.device = (await session.shows(/(\/dev\/pts\/\d+)\r?\n/))[1] ?? '';
    session.shown = '';
    return session;
  }

  type(keys: string): void {
    this.child.stdin.write(keys);
  }

  /** Another size, of which the terminal's programs are told as by a window that is dragged. */
  async resize(columns: number, rows: number): Promise<void> {
    await run('stty', '-F', this.device, 'cols', String(columns), 'rows', String(rows));
  }

  /** Waits until it has been shown; fails with what was, if it never is. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    const late = AbortSignal.timeout(20_000 * slow);
    for (;;) {
      const found = pattern.exec(this.shown);
      if (found) return found;
      const over = this.ended.then(() => {
        throw new Error(`it ended without ${pattern}: ${JSON.stringify(this.shown)}`);
      });
      try {
        await Promise.race([once(this.child.stdout, 'data', { signal: late }), over]);
      } catch (cause) {
        throw new Error(`${pattern} is not shown: ${JSON.stringify(this.shown)}`, { cause });
      }
    }
  }
}
