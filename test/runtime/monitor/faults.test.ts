import { execFile } from 'node:child_process';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BerthError } from '../../../src/base';
import { readExitRecord, type ExitRecord, type MonitorState } from '../../../src/runtime';
import { Workspace } from '../support/bundle';
import { TestContainer, type ExecOutcome } from '../support/container';
import { buildFaultyConmon } from '../support/native';

const run = promisify(execFile);

/** In the test command a slice of what `npm run faults` does. */
const whole = process.env['BERTH_FAULTS_WHOLE'] === '1';
/** Longer than any life takes: who is not done by then hangs. */
const lifeMs = 5_000;

const expectedOut = [...Array.from({ length: 40 }, (_, i) => `stdout F line ${i + 1}`), 'stdout F bye'];
const expectedErr = ['stderr F complaint'];
const expectedStatus = { kind: 'exited', code: 7 };

/** All that is seen of a life whose monitor has faults. */
interface Life {
  readonly faults: string;
  /** What of the steps went wrong, in their order. */
  readonly errors: readonly unknown[];
  readonly state: MonitorState | undefined;
  readonly exec: ExecOutcome | undefined;
  readonly record: ExitRecord | undefined;
  /** The log's text; empty if there is none. */
  readonly log: string;
  /** Processes and files that are still there after what berthd does to clean up. */
  readonly left: readonly string[];
}

let workspace: Workspace;
let number = 0;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

/** A normal life: create, start, some lines, an exec with input, exit; then the cleaning. */
async function live(faults: string): Promise<Life> {
  const id = `f${process.pid}x${++number}`;
  const folder = join(workspace.path, id);
  const gate = join(workspace.path, `${id}.gate`);
  await run('mkfifo', [gate]);
  // What lets init end; it stays here until init has read it.
  await using gateFile = await open(gate, 'r+');
  const init = `i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; done; echo complaint >&2; read go <> ${gate}; echo bye; exit 7`;
  const errors: unknown[] = [];
  let state: MonitorState | undefined;
  let exec: ExecOutcome | undefined;
  const step = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await bounded(work, faults);
    } catch (error) {
      errors.push(error);
      return undefined;
    }
  };
  const container = await step(
    TestContainer.launch(workspace, {
      id,
      args: ['sh', '-c', init],
      runtime: 'fake',
      conmonPath: buildFaultyConmon(),
      env: { BERTH_FAULTS: faults },
    }),
  );
  if (container) {
    await using open = container;
    await step(open.monitor.created());
    if (errors.length === 0) await step(open.monitor.start());
    if (errors.length === 0)
      exec = await step(open.exec(['sh', '-c', 'cat; echo no >&2; exit 3'], { input: 'to and fro' }));
    await gateFile.write('go\n');
    state = await endOf(open, step);
    // One that hangs would not be ended by its container's end.
    if (errors.some((error) => !(error instanceof BerthError))) open.process.kill('SIGKILL');
  }
  const request = { log: join(folder, 'log'), exit: join(folder, 'exit') };
  const record = await readExitRecord(request.exit);
  const log = await readFile(request.log, 'utf8').catch(() => '');
  await rm(folder, { recursive: true });
  await rm(gate);
  await rm(join(workspace.path, `${id}.s`), { force: true });
  return { faults, errors, state, exec, record, log, left: await leftOf(id) };
}

type Step = <T>(work: Promise<T>) => Promise<T | undefined>;

/** Ends the container, if it is there, and sees it end: over a new connection if the first one has been cut off. */
async function endOf(container: TestContainer, step: Step): Promise<MonitorState> {
  if (!(await settled(container.monitor.closed))) await endOver(container, step);
  else if ((await step(container.reconnect())) !== undefined) await endOver(container, step);
  // The kernel tells a monitor's clients of its death before it kills the runtime that it was waiting for.
  else if (container.monitor.state.kind !== 'failed') await step(container.left());
  return container.monitor.state;
}

async function endOver(container: TestContainer, step: Step): Promise<void> {
  if (container.monitor.state.kind === 'created') await step(container.monitor.signal(9));
  if (container.monitor.state.kind !== 'failed') await step(container.exited());
}

const settled = async (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);

async function bounded<T>(work: Promise<T>, faults: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`a monitor with the faults "${faults}" hangs`)), lifeMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Files and processes that bear the container's name. What was killed needs a moment to go. */
async function leftOf(id: string): Promise<readonly string[]> {
  const files = (await readdir(workspace.path)).filter((name) => name.startsWith(id));
  const states = (await readdir(join(workspace.path, 'runc')).catch(() => [])).filter((name) => name === id);
  let processes = await processesOf(id);
  for (const end = Date.now() + lifeMs; processes.length > 0 && Date.now() < end;) processes = await processesOf(id);
  return [...files, ...states, ...processes];
}

async function processesOf(id: string): Promise<readonly string[]> {
  const processes: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const about = await Promise.all(
      ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '')),
    );
    if (about.some((text) => text.includes(id))) processes.push(`${pid} ${about[0]?.replaceAll('\0', ' ')}`);
  }
  return processes;
}

const lines = (log: string, stream: string): readonly string[] =>
  log
    .split('\n')
    .slice(0, -1)
    .map((line) => line.slice(31))
    .filter((line) => line.startsWith(stream));

/** What holds of every life, whatever went wrong in it. */
function expectHonest(life: Life): void {
  const { faults } = life;
  expect({ faults, left: life.left }).toEqual({ faults, left: [] });
  expect(life.log === '' || life.log.endsWith('\n')).toBe(true);
  for (const line of life.log.split('\n').slice(0, -1))
    expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z std(out|err) [PF] /);
  const strange = life.errors.filter((error) => !(error instanceof BerthError));
  expect({ faults, strange }).toEqual({ faults, strange: [] });
  if (life.state?.kind === 'failed') expect(life.state.message).not.toBe('');
}

/** Its end is known, if only by its record, or the monitor could not even begin: then there was no container. */
function expectTold({ faults, errors, state, record }: Life): void {
  const told = state === undefined || record !== undefined || state.kind === 'exited' || state.kind === 'failed';
  expect({ faults, told: told || { errors, state } }).toEqual({ faults, told: true });
}

function expectPerfect(life: Life): void {
  expectHonest(life);
  const { faults, errors } = life;
  expect({ faults, errors }).toEqual({ faults, errors: [] });
  expect(lines(life.log, 'stdout')).toEqual(expectedOut);
  expect(lines(life.log, 'stderr')).toEqual(expectedErr);
  expect(life.record).toMatchObject({ status: expectedStatus, bytesDropped: 0n, bytesLogged: BigInt(life.log.length) });
  expect(life.state).toEqual({ kind: 'exited', record: life.record });
  expect(life.exec).toMatchObject({ stdout: 'to and fro', stderr: 'no\n', status: { kind: 'exited', code: 3 } });
}

/** How often each fault had its chance in a life without any. */
async function counts(): Promise<Readonly<Record<string, number>>> {
  const report = join(workspace.path, 'report');
  expectPerfect(await live(`report=${report}`));
  const words = (await readFile(report, 'utf8')).trim().split(' ');
  return Object.fromEntries(
    words.map((word): readonly [string, number] => {
      const [kind = '', count] = word.split('=');
      return [kind, Number(count)];
    }),
  );
}

/** Every nth, in the test command; a few beyond the count, as it is not the same in each life. */
const numbers = (count: number, slice: number): readonly number[] =>
  Array.from({ length: count + 5 }, (_, i) => i + 1).filter((n) => whole || (n - 1) % slice === 0);

const seeds = (few: number, many: number): readonly number[] =>
  Array.from({ length: whole ? many : few }, (_, i) => i + 1);

describe('a monitor', () => {
  test(
    'that dies at its Nth system call leaves a record that is whole or absent, and whole log records',
    async () => {
      const { die = 0 } = await counts();
      expect(die).toBeGreaterThan(150);
      let recorded = 0;
      for (const n of numbers(die, 7)) {
        const life = await live(`die@${n}`);
        expectHonest(life);
        for (const [stream, expected] of [
          ['stdout', expectedOut],
          ['stderr', expectedErr],
        ] as const) {
          const written = lines(life.log, stream);
          expect(written).toEqual(expected.slice(0, written.length));
        }
        if (life.record) {
          recorded++;
          expect(life.record.status).toEqual(expectedStatus);
          expect(life.record.bytesLogged).toBe(BigInt(life.log.length));
        }
        if (life.state?.kind === 'exited') expect(life.record).toEqual(life.state.record);
      }
      expect(recorded).toBeGreaterThan(0);
    },
    whole ? 300_000 : 60_000,
  );

  test.each(['eintr=25', 'short=40', 'eagain=20', 'eintr=15 short=30 eagain=10'])(
    'does everything right with %s',
    async (faults) => {
      for (const seed of seeds(4, 100)) expectPerfect(await live(`seed=${seed} ${faults}`));
    },
    whole ? 300_000 : 60_000,
  );

  test(
    'without room on the disk invents no exit code and logs whole records only',
    async () => {
      for (const seed of seeds(12, 300)) {
        const life = await live(`seed=${seed} enospc=10 short=30`);
        expectHonest(life);
        if (life.record) expect(life.record.status).toEqual(expectedStatus);
        if (life.state?.kind === 'exited') expect(life.state.record.status).toEqual(expectedStatus);
        expectTold(life);
      }
    },
    whole ? 300_000 : 60_000,
  );

  test(
    'without memory, descriptors or processes says so, and loses no container',
    async () => {
      const { enomem = 0 } = await counts();
      expect(enomem).toBeGreaterThan(30);
      for (const n of numbers(enomem, 5)) {
        const life = await live(`enomem@${n}`);
        expectHonest(life);
        if (life.record) expect([expectedStatus, { kind: 'signaled', signal: 9 }]).toContainEqual(life.record.status);
        if (life.state?.kind === 'exited') expect(life.record).toEqual(life.state.record);
        expectTold(life);
      }
    },
    whole ? 300_000 : 60_000,
  );
});
