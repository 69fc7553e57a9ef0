import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processCounter } from '../../src/kernel/processes';

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'berth-processes-'))));
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  }
  rmSync(root, { recursive: true });
});

/** A process with so many sockets that listen. */
const withSockets = (count: number) =>
  running(`
    const { createServer } = require('net');
    let left = ${count};
    const listening = () => { if (--left === 0) console.log('ready'); };
    for (let i = 0; i < ${count}; i++) createServer().listen(0, '127.0.0.1', listening);`);

/** A process with this program, once it has said that it is ready. */
async function running(program: string): Promise<number> {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

/** A hierarchy with a cgroup of these processes, and one below it. */
function hierarchy(pids: readonly number[], below: readonly number[] = []) {
  const dir = join(root, 'pod/c');
  mkdirSync(join(dir, 'exec-1'), { recursive: true });
  writeFileSync(join(dir, 'cgroup.procs'), pids.map((pid) => `${pid}\n`).join(''));
  writeFileSync(join(dir, 'exec-1/cgroup.procs'), below.map((pid) => `${pid}\n`).join(''));
  return [{ dir: root, version: 1 as const, controllers: ['pids'] }];
}

const rest = async () => undefined;

test('processes, those of exec too, their open files, sockets and the limit of the first one', async () => {
  const [init, exec] = [await withSockets(5), await withSockets(2)];
  const counted = await processCounter(hierarchy([init], [exec]), '/proc').count('/pod/c', init, rest);
  const links = [init, exec].flatMap((pid) =>
    readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`)),
  );
  const limit = /^Max open files +(\d+)/m.exec(readFileSync(`/proc/${init}/limits`, 'utf8'))?.[1];
  expect(counted).toEqual({
    processes: 2,
    fileDescriptors: links.length,
    sockets: links.filter((link) => link.startsWith('socket:')).length,
    openFilesLimit: BigInt(limit ?? 0),
  });
  expect(counted?.sockets).toBeGreaterThanOrEqual(7);
});

test('a process that has ended has no files, and its pid no limits', async () => {
  const init = await withSockets(1);
  const gone = 4_194_303;
  const counter = processCounter(hierarchy([init, gone]), '/proc');
  const counted = await counter.count('/pod/c', gone - 1, rest);
  expect(counted).toMatchObject({ processes: 2, openFilesLimit: undefined });
  expect(counted?.fileDescriptors).toBe(readdirSync(`/proc/${init}/fd`).length);
});

test('a cgroup that is not there', async () => {
  expect(await processCounter(hierarchy([]), '/proc').count('/pod/gone', 1, rest)).toBeUndefined();
  expect(await processCounter([], '/proc').count('/pod/c', 1, rest)).toBeUndefined();
});

test('more than are looked at are not counted by guess, and others have their turn meanwhile', async () => {
  const busy = await running(`
    for (let i = 0; i < 5000; i++) require('fs').openSync('/dev/null');
    console.log('ready');
    setInterval(() => {}, 1e6);`);
  let rests = 0;
  const counter = processCounter(hierarchy([busy]), '/proc');
  const counted = await counter.count('/pod/c', busy, async () => void rests++);
  expect(counted).toMatchObject({ processes: 1, sockets: undefined });
  // Linux 6.2 and later tell the number itself.
  expect([undefined, readdirSync(`/proc/${busy}/fd`).length]).toContain(counted?.fileDescriptors);
  expect(rests).toBeGreaterThan(0);

  const pids = Array.from({ length: 1025 }, (_, index) => index + 1);
  const many = await processCounter(hierarchy(pids), '/proc').count('/pod/c', 0, rest);
  expect(many).toEqual({ processes: 1025, openFilesLimit: undefined });
});
