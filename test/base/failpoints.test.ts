import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { armFailpoints, failpoints, failSteps, type Log, silentLog, step } from '../../src/base';

let disarm: () => Promise<void> = async () => undefined;
const arm = (text: string, log: Log = silentLog()): void => void (disarm = armFailpoints(text, log));
afterEach(() => disarm());
const refused = (more: object = {}): Error => expect.objectContaining({ code: 'config-invalid', ...more }) as Error;

/** A step that says when its work is done. */
async function runStep(): Promise<{ readonly worked: boolean; readonly code: unknown }> {
  let worked = false;
  const code: unknown = await step('run-pod.pin', async () => void (worked = true)).then(
    () => 'done',
    (error: unknown) => (error as { code?: unknown }).code,
  );
  return { worked, code };
}

test('with nothing armed a step is its work: the very promise', () => {
  const work = Promise.resolve(7);
  expect(step('run-pod.pin', () => work)).toBe(work);
});

test('an error before keeps the work from being done, one after comes when it is', async () => {
  arm('run-pod.pin.before=error');
  expect(await runStep()).toEqual({ worked: false, code: 'failpoint' });
  arm('run-pod.pin.after=error');
  expect(await runStep()).toEqual({ worked: true, code: 'failpoint' });
});

test('the message names the failpoint and the variable', async () => {
  arm('run-pod.pin.before=error');
  await expect(step('run-pod.pin', async () => 7)).rejects.toThrow(/run-pod\.pin\.before.*BERTH_FAILPOINTS/);
});

test('a count is how often it acts; other steps pass', async () => {
  arm('run-pod.pin.before=error*2');
  const ends = [await runStep(), await runStep(), await runStep()];
  expect(ends.map(({ code }) => code)).toEqual(['failpoint', 'failpoint', 'done']);
  arm('run-pod.files.before=error');
  expect((await runStep()).code).toBe('done');
});

test('a delay lets others go first', async () => {
  arm('run-pod.pin.before=delay(20)');
  const order: string[] = [];
  const delayed = step('run-pod.pin', async () => void order.push('delayed'));
  await step('run-pod.files', async () => void order.push('other'));
  await delayed;
  expect(order).toEqual(['other', 'delayed']);
});

test('what is armed is told in the log, once and as a warning; nothing is told where nothing is', () => {
  const told: string[] = [];
  const log: Log = { ...silentLog(), warn: (_: object, text?: string) => void told.push(text ?? '') };
  arm('', log);
  expect(told).toEqual([]);
  arm(' run-pod.pin.after=kill ; stop-pod.detach.before=error*1 ', log);
  expect(told).toEqual(['failpoints are active: run-pod.pin.after, stop-pod.detach.before']);
});

test.each([
  ['run-pod.pin=error', 'a step is no failpoint'],
  ['run-pod.pin.after', 'no action'],
  ['run-pod.pin.after=explode', 'another action'],
  ['run-pod.pin.after=error*0', 'never'],
  ['run-pod.pin.after=delay', 'no time'],
  ['run-pod.pin.after=delay(-1)', 'a negative time'],
  ['run-pod.pin.before=error;x=error', 'one of two'],
])('%s is refused (%s), and nothing is armed', async (text) => {
  expect(() => armFailpoints(text, silentLog())).toThrow(refused());
  expect((await runStep()).code).toBe('done');
});

test('a name that is not known is refused with all that are', () => {
  const all = failpoints.join(', ');
  expect(() => armFailpoints('x=error', silentLog())).toThrow(refused({ remedy: `use one of: ${all}` }));
});

test('the steps of the list are those of src/, each at one place', () => {
  const src = join(__dirname, '../../src');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const used = files.flatMap((name) => {
    const text = readFileSync(join(src, name), 'utf8');
    return [...text.matchAll(/\bstep\('([a-z.-]+)',/g)].map(([, step]) => step);
  });
  expect(used.sort()).toEqual(Object.keys(failSteps).sort());
});
