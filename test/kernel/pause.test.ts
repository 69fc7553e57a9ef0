import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { build, until } from './support';

const childrenOf = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

describe('the pause program, first in its PID namespace', () => {
  const path = build('pause');

  const started: ChildProcess[] = [];
  afterEach(() => {
    for (const unshare of started.splice(0)) unshare.kill('SIGKILL');
  });

  async function start(): Promise<{ pid: number; exited: Promise<unknown[]> }> {
    const unshare = spawn('unshare', ['--pid', '--fork', '--kill-child', path], { stdio: 'ignore' });
    started.push(unshare);
    const exited = once(unshare, 'exit');
    const pid = () =>
      childrenOf(unshare.pid ?? 0).find((child) => readFileSync(`/proc/${child}/comm`, 'utf8') === 'pause\n');
    // Before it awaits the signals the kernel drops them: it is the first process of its namespace.
    const status = () => readFileSync(`/proc/${pid()}/status`, 'utf8');
    await until('it awaits signals', () => pid() !== undefined && /^State:\s+S/m.test(status()));
    return { pid: pid() ?? 0, exited };
  }

  test.each(['SIGTERM', 'SIGINT'] as const)('leaves with status 0 on %s', async (signal) => {
    const { pid, exited } = await start();
    process.kill(pid, signal);
    expect(await exited).toEqual([0, null]);
  });

  test('reaps what is orphaned there', async () => {
    const { pid, exited } = await start();
    execFileSync('nsenter', [`--target=${pid}`, '--pid', 'sh', '-c', 'sleep 0.5 & sleep 0.5 &'], { stdio: 'ignore' });
    await until('both are its children', () => childrenOf(pid).length === 2);
    await until('the orphans are gone', () => childrenOf(pid).length === 0);
    process.kill(pid, 'SIGTERM');
    await exited;
  });
});
