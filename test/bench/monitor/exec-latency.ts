import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { processOf } from '../../runtime/support/bundle';
import type { Stage, Staged } from '../../runtime/support/stage';
import { percentile, quieter, timed, type Samples } from '../measure';
import { atMost, type Figure } from './figure';

/** The quieter one of each counts. */
const rounds = 3;

const command = processOf(['busybox', 'true']);

/** The time of an exec through the monitor beside that of the runtime's own, in turns. */
export async function execLatency(
  stage: Stage,
  programs: { readonly runtime: string; readonly spawnTimer: string },
  count: number,
): Promise<readonly Figure[]> {
  const container = await stage.start({ args: ['sleep', '100000'] });
  const { runtimeRoot, id, bundle } = container.request;
  const processFile = join(bundle, 'exec.json');
  await writeFile(processFile, JSON.stringify(command));
  const words = [programs.runtime, '--root', runtimeRoot, '--log', '/dev/null', 'exec', '--process', processFile, id];
  await using bare = startTimer(programs.spawnTimer, words);
  await through(container);
  await bare.next();
  const ours: Samples[] = [];
  const theirs: Samples[] = [];
  for (let round = 0; round < rounds; round++) {
    const [own, other]: [number[], number[]] = [[], []];
    for (let i = 0; i < count; i++) {
      own.push((await timed(() => through(container))).ms);
      other.push(await bare.next());
    }
    ours.push(own);
    theirs.push(other);
  }
  const [own, other] = [percentile(quieter(ours), 0.5), percentile(quieter(theirs), 0.5)];
  return [
    {
      what: `exec, p50 of ${count}`,
      unit: 'ms',
      value: own,
      beside: { who: 'bare runc exec', value: other },
    },
    { what: 'exec / bare runc exec', unit: '', value: own / other, bar: atMost(own / other, 1.15, '') },
  ];
}

async function through({ monitor }: Staged): Promise<void> {
  const request = { process: command, stdin: false, tty: false, timeoutMs: 0, outputCap: 0 };
  const { status } = await monitor.exec(request, { stdout: () => undefined, stderr: () => undefined }).end;
  if (status.kind !== 'exited' || status.code !== 0) throw new Error(`the exec ended with ${JSON.stringify(status)}`);
}

/** A command that is run to its end at each `next`, which gives its milliseconds. */
function startTimer(program: string, words: readonly string[]): AsyncDisposable & { next(): Promise<number> } {
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async next() {
      child.stdin.write('.');
      const line = await lines.next();
      if (line.done) throw new Error(`${words.join(' ')} failed`);
      return Number(line.value) / 1000;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
