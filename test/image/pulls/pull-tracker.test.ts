import pino from 'pino';
import { BerthError, silentLog } from '../../../src/base';
import { type PullEvent, PullTracker } from '../../../src/image/pulls';

const never = new AbortController().signal;

test('events, sums and states of a pull; the bytes of an endpoint that failed count, its layers do not', async () => {
  const tracker = new PullTracker(silentLog(), { eventMs: 0, logMs: 60_000 });
  const events: PullEvent[] = [];
  using _ = tracker.events.subscribe((event) => events.push(event));
  await tracker.track('a.b/c:d', never, async (progress) => {
    expect(tracker.stats()).toMatchObject({ inFlight: 1, bytes: 0 });
    progress.ask('mirror');
    progress.expect([
      { digest: 'a', size: 10 },
      { digest: 'b', size: 20 },
    ]);
    progress.received('a', 10);
    progress.ready(0, 'registry');
    progress.ask('registry');
    progress.expect([
      { digest: 'a', size: 10 },
      { digest: 'b', size: 20 },
    ]);
    progress.received('b', 20);
    progress.ready(1, 'registry');
    progress.ready(0, 'there');
    expect(tracker.running()).toMatchObject([{ image: 'a.b/c:d', endpoint: 'registry', bytes: 30, totalBytes: 30 }]);
    expect(tracker.running()[0]?.perLayer).toEqual([
      { digest: 'a', size: 10, received: 0, ready: 'there' },
      { digest: 'b', size: 20, received: 20, ready: 'registry' },
    ]);
  });
  expect(events.map(({ kind, bytes }) => [kind, bytes])).toEqual([
    ['pull-started', 0],
    ['pull-progress', 10],
    ['pull-progress', 30],
    ['pull-finished', 30],
  ]);
  expect(events.at(-1)).toMatchObject({ outcome: 'pulled', totalLayers: 2, layers: { registry: 1, there: 1 } });
  expect(tracker.stats()).toMatchObject({
    inFlight: 0,
    outcomes: { pulled: 1, failed: 0, 'given-up': 0 },
    bytes: 30,
    layers: { registry: 1, there: 1, shared: 0, local: 0 },
  });
  expect(tracker.running()).toEqual([]);
});

test('the end of a pull that failed has the code of its error, one that waits is among the sums', async () => {
  let waiting = 0;
  const tracker = new PullTracker(silentLog(), { eventMs: 0, logMs: 60_000 }, () => waiting);
  const ends: PullEvent[] = [];
  using _ = tracker.events.subscribe((event) => event.kind === 'pull-finished' && ends.push(event));
  const denied = new BerthError('registry-denied', { op: 'pull', object: 'a', detail: 'no' });
  await expect(tracker.track('a', never, () => Promise.reject(denied))).rejects.toBe(denied);
  await expect(tracker.track('a', never, () => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
  await tracker.track('a', never, () => Promise.resolve());
  expect(ends.map((end) => 'failure' in end && end.failure)).toEqual(['registry-denied', 'internal', false]);
  waiting = 3;
  expect(tracker.stats().waiting).toBe(3);
});

test('progress is not told with every chunk', async () => {
  const tracker = new PullTracker(silentLog(), { eventMs: 60_000, logMs: 60_000 });
  const events: PullEvent[] = [];
  using _ = tracker.events.subscribe((event) => events.push(event));
  await tracker.track('a', never, async (progress) => {
    for (let at = 0; at < 1000; at++) progress.received('a', 1);
  });
  expect(events.map(({ kind }) => kind)).toEqual(['pull-started', 'pull-finished']);
});

test('a failure and an abort are told apart; the log tells of a pull that takes long, and of each end', async () => {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { level: 'info', base: undefined },
    { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const tracker = new PullTracker(log, { eventMs: 0, logMs: 5 });
  const giveUp = new AbortController();
  giveUp.abort();
  await expect(tracker.track('a', never, () => Promise.reject(new Error('denied')))).rejects.toThrow('denied');
  await expect(tracker.track('b', giveUp.signal, () => Promise.reject(new Error('over')))).rejects.toThrow('over');
  expect(tracker.stats().outcomes).toEqual({ pulled: 0, failed: 1, 'given-up': 1 });
  expect(lines).toMatchObject([
    { msg: 'not pulled', image: 'a', cause: 'denied' },
    { msg: 'a pull was given up', image: 'b', cause: 'over' },
  ]);
  lines.splice(0);
  await tracker.track('c', never, async (progress) => {
    progress.ask('registry');
    progress.expect([{ digest: 'a', size: 4 << 20 }]);
    progress.received('a', 1 << 20);
    // Until the log has said it.
    while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    progress.ready(0, 'registry');
  });
  expect(lines[0]).toMatchObject({ msg: 'a pull goes on', image: 'c', bytes: 1 << 20, totalBytes: 4 << 20, layers: 1 });
  expect(lines.at(-1)).toMatchObject({ msg: 'pulled', image: 'c', endpoint: 'registry', fetched: 1, reused: 0 });
  expect(lines.at(-1)?.['mibPerSecond']).toBeGreaterThan(0);
});
