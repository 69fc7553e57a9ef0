import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { buildSync } from 'esbuild';
import type { berth as Berth } from '../../src/cli/berth';
import type { Terminal } from '../../src/cli/terminal/terminal';

/** berth as it ships: bundled, so that commands are loaded when they are called. Jest itself has no `import()`. */
const folder = mkdtempSync(join(tmpdir(), 'berth-cli-bundle-'));
afterAll(() => rmSync(folder, { recursive: true }));

function bundle(entry: string): string {
  const outfile = join(folder, `${entry}.js`);
  const entryPoint = join(__dirname, '../../src/cli', `${entry}.ts`);
  buildSync({
    entryPoints: [entryPoint],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    external: ['lmdb'],
  });
  return outfile;
}

/** The program as a file that node runs. */
export function bundledProgram(): string {
  return bundle('main');
}

const { berth } = createRequire(__filename)(bundle('berth')) as { berth: typeof Berth };

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  readonly stdin?: string | Buffer;
  readonly env?: Record<string, string>;
  /** A terminal of this size as standard input. */
  readonly terminal?: FakeTerminal;
  /** Makes stderr one of so many columns and rows. */
  readonly screen?: { readonly columns: number; readonly rows: number };
  /** Makes stdout one. */
  readonly stdoutScreen?: { readonly columns: number; readonly rows: number };
  /** Called for each piece of output, with a function that is Ctrl-C. */
  readonly onOutput?: (text: string, interrupt: () => void) => void;
}

/** A terminal: what is typed, how large it is, and whether it is raw now. */
export class FakeTerminal implements Terminal {
  readonly keys = new PassThrough();
  /** Each change between raw and not. */
  readonly changes: boolean[] = [];
  private readonly listeners = new Set<() => void>();

  constructor(private current = { width: 80, height: 24 }) {}

  get isRaw(): boolean {
    return this.changes.at(-1) ?? false;
  }

  raw(): Disposable {
    this.changes.push(true);
    return { [Symbol.dispose]: () => void this.changes.push(false) };
  }

  size() {
    return this.current;
  }

  onResize(listener: () => void): Disposable {
    this.listeners.add(listener);
    return { [Symbol.dispose]: () => void this.listeners.delete(listener) };
  }

  resize(width: number, height: number): void {
    this.current = { width, height };
    for (const listener of this.listeners) listener();
  }
}

/** Runs one command line in this process, with streams and signals of its own. */
export async function call(socket: string, args: readonly string[], options: CallOptions = {}): Promise<Outcome> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const listeners = new Set<() => void>();
  const outputs = Promise.all([buffer(stdout), buffer(stderr)]);
  const interrupt = () => {
    for (const listener of [...listeners]) listener();
  };
  stdout.on('data', (chunk: Buffer) => options.onOutput?.(chunk.toString(), interrupt));
  const given = options.stdin === undefined ? [] : [Buffer.from(options.stdin)];
  if (options.screen) Object.assign(stderr, { isTTY: true, ...options.screen });
  if (options.stdoutScreen) Object.assign(stdout, { isTTY: true, ...options.stdoutScreen });
  const status = await berth(args, {
    stdin: options.terminal?.keys ?? Readable.from(given, { objectMode: false }),
    terminal: options.terminal,
    stdout,
    stderr,
    env: { BERTH_SOCKET: socket, ...options.env },
    onInterrupt(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  });
  stdout.end();
  stderr.end();
  const [out, err] = await outputs;
  return { status, stdout: out.toString(), stderr: err.toString() };
}
