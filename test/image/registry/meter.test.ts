import { Meter } from '../../../src/image/registry';

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick'] }));
afterEach(() => void jest.useRealTimers());

const never = new Promise<never>(() => undefined);
const kiB = 1024;

test('waiting without progress ends in an error that says how little came', () => {
  const meter = new Meter('a.b', 300_000);
  void meter.await(never);
  meter.count(7);
  jest.advanceTimersByTime(299_000);
  expect(meter.stalled.aborted).toBe(false);
  jest.advanceTimersByTime(1000);
  expect(meter.stalled.reason).toMatchObject({
    code: 'registry-unreachable',
    object: 'a.b',
    detail: 'it made no progress: 7 bytes came in 300 s of waiting',
    remedy: expect.stringContaining('pull_progress_timeout') as string,
  });
});

test('progress begins the waiting anew, drops do not', () => {
  const meter = new Meter('a.b', 1000);
  void meter.await(never);
  jest.advanceTimersByTime(900);
  meter.count(64 * kiB);
  jest.advanceTimersByTime(900);
  expect(meter.stalled.aborted).toBe(false);
  for (let at = 0; at < 10; at++) meter.count(1);
  jest.advanceTimersByTime(100);
  expect(meter.stalled.aborted).toBe(true);
});

test('only time that is waited counts, and it adds up', async () => {
  const meter = new Meter('a.b', 1000);
  for (let drop = 0; drop < 9; drop++) {
    let arrive: () => void = () => undefined;
    const waiting = meter.await(new Promise<void>((resolve) => (arrive = resolve)));
    jest.advanceTimersByTime(100);
    arrive();
    await waiting;
    meter.count(1);
    // The disk is slow.
    jest.advanceTimersByTime(5000);
  }
  expect(meter.stalled.aborted).toBe(false);
  void meter.await(never);
  jest.advanceTimersByTime(100);
  expect(meter.stalled.aborted).toBe(true);
});

test('two that wait at once wait once, and zero is for ever', async () => {
  const meter = new Meter('a.b', 1000);
  void meter.await(never);
  void meter.await(never);
  await expect(meter.await(Promise.reject(new Error('gone')))).rejects.toThrow('gone');
  jest.advanceTimersByTime(999);
  expect(meter.stalled.aborted).toBe(false);
  jest.advanceTimersByTime(1);
  expect(meter.stalled.aborted).toBe(true);

  const patient = new Meter('a.b', 0);
  void patient.await(never);
  jest.advanceTimersByTime(1e9);
  expect(patient.stalled.aborted).toBe(false);
});
