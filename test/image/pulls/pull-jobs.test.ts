import { BerthError } from '../../../src/base';
import { PullJobs } from '../../../src/image/pulls';
import type { ImageRecord } from '../../../src/state';
import { deferred } from '../../support/deferred';

const record = { id: 'sha256:1' } as ImageRecord;
/** A pull that goes on until its signal is aborted, then takes its time to undo. */
function endless(undone: Promise<void> = Promise.resolve()) {
  const seen = { signals: [] as AbortSignal[] };
  const pull = (signal: AbortSignal) => {
    seen.signals.push(signal);
    return new Promise<ImageRecord>((_, reject) => {
      signal.addEventListener('abort', () => void undone.then(() => reject(signal.reason as Error)));
    });
  };
  return { pull, seen };
}

test('a removal ends the pulls that nobody waits for, and waits for their undo; who waits keeps its own', async () => {
  const jobs = new PullJobs();
  const undone = deferred<void>();
  const { pull, seen } = endless(undone.promise);
  const giveUp = new AbortController();
  const left = jobs.run('a', '', pull, giveUp.signal);
  const stays = jobs.run('a', ' (other credentials)', pull);
  const elsewhere = jobs.run('b', '', pull, giveUp.signal);
  giveUp.abort();
  await expect(left).rejects.toMatchObject({ code: 'call-cancelled' });
  await expect(elsewhere).rejects.toMatchObject({ code: 'call-cancelled' });

  let removed = false;
  const removal = jobs.endUnwaited('a').then(() => (removed = true));
  expect(seen.signals.map(({ aborted }) => aborted)).toEqual([true, false, false]);
  // Who comes now is not given what is being undone.
  const after = jobs.run('a', '', async () => record);
  await expect(after).resolves.toBe(record);
  expect(removed).toBe(false);
  undone.resolve();
  await removal;
  await Promise.all([
    expect(stays).rejects.toMatchObject({ code: 'daemon-stopping' }),
    jobs.abortAll(new BerthError('daemon-stopping', { op: 'pull', detail: 'berthd stops' })),
  ]);
  expect(seen.signals.every(({ aborted }) => aborted)).toBe(true);
});

test('a pull that nobody comes back for ends; one that somebody joined in time does not', async () => {
  const jobs = new PullJobs(20);
  const { pull, seen } = endless();
  const giveUp = new AbortController();
  const [lost, joined] = [jobs.run('lost', '', pull, giveUp.signal), jobs.run('joined', '', pull, giveUp.signal)];
  giveUp.abort();
  await expect(lost).rejects.toMatchObject({ code: 'call-cancelled' });
  await expect(joined).rejects.toMatchObject({ code: 'call-cancelled' });
  const patient = jobs.run('joined', '', () => Promise.reject(new Error('not run')));
  await new Promise((resolve) => seen.signals[0]?.addEventListener('abort', resolve));
  // Their timers were set in one go: the other one's would have been due, too.
  await new Promise((resolve) => setTimeout(resolve));
  expect(seen.signals[1]?.aborted).toBe(false);
  await Promise.all([expect(patient).rejects.toThrow('over'), jobs.abortAll(new Error('over'))]);
});

test('a caller that has given up before, and one whose pull fails', async () => {
  const jobs = new PullJobs();
  await expect(jobs.run('a', '', async () => record, AbortSignal.abort())).rejects.toMatchObject({
    code: 'call-cancelled',
  });
  await expect(jobs.run('b', '', () => Promise.reject(new Error('denied')))).rejects.toThrow('denied');
  // A failure is not kept.
  await expect(jobs.run('b', '', async () => record)).resolves.toBe(record);
});
