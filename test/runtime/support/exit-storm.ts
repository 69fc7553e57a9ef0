import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readExitRecord, type ExitRecord, type ExitStatus } from '../../../src/runtime';
import { Barrier } from './barrier';
import { ended } from './container';
import type { Stage, Staged } from './stage';
import { until } from './until';

/** Lines that each container writes before it waits, and again when it is let go. */
const lines = 10;

/** Signals that end a process, none of which leaves a core. */
const deadly = [1, 2, 9, 10, 12, 13, 14, 15];

export interface ExitStorm {
  /** From letting all go until the last was told as exited. */
  readonly wallMs: number;
  /** What was not as it has to be; nothing is the only good answer. */
  readonly problems: readonly string[];
}

/**
 * So many containers end at the same moment, each with lines still to be logged and an end of its own. `signals`: every
 * other one ends by a signal, which init can only send itself where it is not the first of a pid namespace.
 */
export async function exitStorm(stage: Stage, count: number, signals: boolean): Promise<ExitStorm> {
  const { rootfs } = stage.workspace;
  using barrier = new Barrier(rootfs);
  const seen = stage.confines ? '' : rootfs;
  const all: { readonly staged: Staged; readonly end: ExitStatus }[] = [];
  for (let index = 0; index < count; index++) {
    const end = endOf(index, signals);
    const staged = await stage.start({ args: ['sh', '-c', script(seen, end)] });
    all.push({ staged, end });
  }
  await barrier.full(count);
  const ends = all.map(({ staged }) => ended(staged.monitor));
  const begun = performance.now();
  barrier.release();
  const records = await Promise.all(ends);
  const wallMs = performance.now() - begun;
  const problems = await Promise.all(all.map(async ({ staged, end }, index) => check(staged, end, records[index])));
  await Promise.all(all.map(({ staged }) => staged.monitor.release()));
  await until(async () => (await stage.monitors()).length === 0);
  const left = await Promise.all(all.map(({ staged }) => leftovers(staged)));
  return { wallMs, problems: [...problems, ...left].flat() };
}

function endOf(index: number, signals: boolean): ExitStatus {
  const signal = deadly[(index >> 1) % deadly.length];
  if (signals && index % 2 === 1 && signal !== undefined) return { kind: 'signaled', signal };
  return { kind: 'exited', code: index % 256 };
}

function script(seen: string, end: ExitStatus): string {
  const write = (word: string) => `i=0; while [ $i -lt ${lines} ]; do echo ${word} $i; i=$((i+1)); done`;
  const last = end.kind === 'signaled' ? `kill -${end.signal} $$` : `exit ${end.kind === 'exited' ? end.code : ''}`;
  return `exec 3<${seen}/gate; ${write('before')}; printf . >${seen}/ready; read x <&3; ${write('after')}; ${last}`;
}

async function check({ request }: Staged, end: ExitStatus, told: ExitRecord | undefined): Promise<readonly string[]> {
  const problems: string[] = [];
  const expect = (what: string, found: unknown, expected: unknown) => {
    if (text(found) !== text(expected)) problems.push(`${request.id}: ${what}: ${text(found)}, not ${text(expected)}`);
  };
  const logPath = request.logPath ?? '';
  const log = (await readFile(logPath, 'utf8')).split('\n').map((line) => line.slice(31));
  const written = ['before', 'after'].flatMap((word) =>
    Array.from({ length: lines }, (_, index) => `stdout F ${word} ${index}`),
  );
  expect('end', told?.status, end);
  expect('record', await readExitRecord(request.exitFile), told);
  expect('log', log, [...written, '']);
  expect('bytes logged', told?.bytesLogged, BigInt((await stat(logPath)).size));
  expect('bytes dropped', told?.bytesDropped, 0n);
  expect('order of its times', told && 0n < told.startedAt && told.startedAt <= told.finishedAt, true);
  return problems;
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}` : part));

/** What its monitor has not taken away: only what its owner keeps may be there. */
async function leftovers({ request }: Staged): Promise<readonly string[]> {
  const kept = ['config.json', 'exit', 'log', 'pid'];
  const others = (await readdir(dirname(request.exitFile))).filter((name) => !kept.includes(name));
  return [...others, ...(existsSync(request.socketPath) ? ['its socket'] : [])].map(
    (name) => `${request.id} has left ${name}`,
  );
}
