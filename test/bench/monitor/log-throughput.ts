import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { connectMonitor } from '../../../src/runtime';
import { monitorArguments } from '../../../src/runtime/monitor/start';
import { ended } from '../../runtime/support/container';
import { timed } from '../measure';
import { peerConmon } from './peer-conmon';

const run = promisify(execFile);

export interface LogThroughputOptions {
  /** The folder conmon/ of the repository: what is measured is built there first. */
  readonly nativeDir: string;
  /** Bytes of each line, its newline included. */
  readonly lineBytes: number;
  /** Bytes that the container writes in each round. */
  readonly totalBytes: number;
  readonly rounds: number;
  /** Where the logs go: a tmpfs, or the disk is measured. */
  readonly logDir?: string;
}

/** MB/s of what the container writes, the best of the rounds. */
export interface LogThroughput {
  /** Reads, puts a prefix before each line, writes, and nothing else. */
  readonly copier: number;
  readonly berth: number;
  /** The machine's own conmon; undefined if it has none. */
  readonly peer: number | undefined;
}

/** A place of one round's own. */
interface Round {
  readonly dir: string;
  readonly log: string;
  readonly native: string;
  readonly runtime: string;
}

type Contestant = (round: Round, options: LogThroughputOptions) => Promise<number>;

/** Has a program write lines as fast as it can into each log in turn; the least disturbed round of each counts. */
export async function logThroughput(options: LogThroughputOptions): Promise<LogThroughput> {
  await run('make', ['-s', '-C', options.nativeDir, 'build/conmon', 'bench']);
  const peer = await peerConmon();
  const contestants: Contestant[] = [copier, berth, ...(peer === undefined ? [] : [peerOf(peer)])];
  const best = contestants.map(() => Infinity);
  for (let count = 0; count < options.rounds; count++) {
    for (const [index, contestant] of contestants.entries()) {
      const ms = await inRoundOf(options, (round) => contestant(round, options));
      best[index] = Math.min(best[index] ?? Infinity, ms);
    }
  }
  const [ofCopier, ofBerth, ofPeer] = best.map((ms) => options.totalBytes / ms / 1000);
  if (ofCopier === undefined || ofBerth === undefined) throw new Error('no round was measured');
  return { copier: ofCopier, berth: ofBerth, peer: ofPeer };
}

async function inRoundOf(options: LogThroughputOptions, work: (round: Round) => Promise<number>): Promise<number> {
  const dir = await mkdtemp(join(options.logDir ?? '/dev/shm', 'berth-bench-log-'));
  try {
    const native = join(options.nativeDir, 'build');
    const round = { dir, log: join(dir, 'log'), native, runtime: join(dir, 'runtime') };
    await writeFile(round.runtime, fakeRuntime(round, options), { mode: 0o755 });
    await run('mkfifo', [join(dir, 'go')]);
    const ms = await work(round);
    const { size } = await stat(round.log);
    if (size < options.totalBytes) throw new Error(`the log has ${size} bytes of ${options.totalBytes}`);
    return ms;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** What stands in for an OCI runtime: `create` makes a process that waits for `start` to become the writer. */
function fakeRuntime({ dir, native }: Round, { lineBytes, totalBytes }: LogThroughputOptions): string {
  return `#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
  create | start) command=$1 ;;
  --pid-file) pidfile=$2 ;;
  esac
  shift
done
case $command in
create)
  (read -r go <'${dir}/go'; exec '${native}/bench-writer' ${lineBytes} ${totalBytes}) &
  echo $! >"$pidfile"
  ;;
start) echo go >'${dir}/go' ;;
esac
`;
}

async function copier({ log, native }: Round, { lineBytes, totalBytes }: LogThroughputOptions): Promise<number> {
  const command = `'${native}/bench-writer' ${lineBytes} ${totalBytes} | '${native}/bench-copier' '${log}'`;
  return (await timed(() => run('sh', ['-c', command]))).ms;
}

async function berth({ dir, log, native, runtime }: Round): Promise<number> {
  const socketPath = join(dir, 's');
  const conmonPath = join(native, 'conmon');
  const child = spawn(
    conmonPath,
    monitorArguments({
      conmonPath,
      id: 'bench',
      bundle: dir,
      runtimePath: runtime,
      runtimeRoot: dir,
      socketPath,
      exitFile: join(dir, 'exit'),
      pidFile: join(dir, 'pid'),
      logPath: log,
    }),
    { stdio: ['ignore', 'ignore', 'inherit', 'pipe'], env: { PATH: process.env['PATH'], BERTH_READY_FD: '3' } },
  );
  await once(child.stdio[3] as Readable, 'data');
  const monitor = await connectMonitor(socketPath);
  await monitor.created();
  const { ms, value: record } = await timed(async () => {
    await monitor.start();
    return ended(monitor);
  });
  await monitor.release();
  await left(child);
  if (record.bytesDropped > 0n) throw new Error(`${record.bytesDropped} bytes were dropped`);
  return ms;
}

/** A peer with conmon's command line, which is done when it has ended. */
function peerOf(path: string): Contestant {
  return async ({ dir, log, runtime }) => {
    await mkdir(join(dir, 'exits'));
    const named = { cid: 'bench', cuuid: 'bench', name: 'bench', runtime, bundle: dir };
    const files = {
      'container-pidfile': join(dir, 'pid'),
      'log-path': `k8s-file:${log}`,
      'exit-dir': join(dir, 'exits'),
      'socket-dir-path': dir,
    };
    const args = Object.entries({ ...named, ...files }).flatMap(([name, value]) => [`--${name}`, value]);
    const child = spawn(path, [...args, '--sync'], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
      env: { PATH: process.env['PATH'], _OCI_SYNCPIPE: '3' },
    });
    // It tells the container's pid when it is created.
    await once(child.stdio[3] as Readable, 'data');
    return (await timed(() => Promise.all([writeFile(join(dir, 'go'), 'go\n'), left(child)]))).ms;
  };
}

async function left(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error(`${child.spawnfile}: exit ${child.exitCode ?? child.signalCode}`);
}
