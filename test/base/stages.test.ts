import {
  backgroundJob,
  beginJob,
  createLog,
  currentJob,
  endJob,
  inJob,
  jobsInFlight,
  KeyedLock,
  type LogLevel,
  outsideJobs,
  Semaphore,
  SingleFlight,
  slowJobs,
  stage,
  tellSlowJobs,
  watchJobs,
} from '../../src/base';
import { deferred } from '../support/deferred';

/** A log whose lines the test reads, and waits for. */
function readLog(level: LogLevel = 'trace') {
  const lines: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  const log = createLog(level, {
    write(line) {
      lines.push(JSON.parse(line) as Record<string, unknown>);
      waiting.forEach((look) => look());
    },
  });
  const line = (about: RegExp) =>
    new Promise<Record<string, unknown>>((resolve) => {
      const look = () => {
        const found = lines.find(({ msg }) => about.test(String(msg)));
        if (found) resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { log, lines, line };
}

const change = (name: string) => ({ name, kind: 'change' }) as const;
const texts = (job: ReturnType<typeof beginJob>) => job.stages().map(String);

afterEach(() => {
  slowJobs(() => Infinity);
  expect(jobsInFlight()).toEqual([]);
});

describe('stages', () => {
  test('nest, go on side by side, and are counted by name', async () => {
    const job = beginJob(change('RunPodSandbox'));
    const [add, files] = [deferred<void>(), deferred<void>()];
    const work = inJob(job, () =>
      Promise.all([
        stage('attach', () => stage('CNI ADD', () => add.promise, { object: 'bridge' })),
        stage('files', () => files.promise),
      ]),
    );
    expect(texts(job)).toEqual(['attach > CNI ADD bridge', 'files']);
    files.resolve();
    await files.promise;
    add.resolve();
    await work;
    endJob(job, { code: 0 });
    expect(texts(job)).toEqual([]);
    expect([...job.took.keys()].sort()).toEqual(['CNI ADD bridge', 'attach', 'files']);
  });

  test('a job is in flight until what it began is over, also when its caller has left', async () => {
    const job = beginJob(change('PullImage'));
    const gate = deferred<void>();
    const left = inJob(job, () => stage('pull', () => gate.promise.then(() => currentJob()?.id)));
    endJob(job, { code: 1 });
    expect(jobsInFlight()).toEqual([job]);
    gate.resolve();
    expect(await left).toBe(job.id);
    expect(jobsInFlight()).toEqual([]);
  });

  test('one that fails says so, and fails as its work does', async () => {
    const failed: string[] = [];
    using _watch = watchJobs({ stageEnded: (ended) => void (ended.failed && failed.push(ended.name)) });
    await expect(
      backgroundJob('GC', {}, () => stage('delete', () => Promise.reject(new Error('the disk is gone')))),
    ).rejects.toThrow('the disk is gone');
    expect(failed).toEqual(['delete']);
  });

  test('outside of a job, and of one that is over, a stage is its work', async () => {
    expect(await stage('work', async () => currentJob())).toBeUndefined();
    const job = beginJob(change('StopContainer'));
    await inJob(job, async () => {
      expect(outsideJobs(() => currentJob())).toBeUndefined();
      expect(currentJob()).toBe(job);
      endJob(job, { code: 0 });
      expect(currentJob()).toBeUndefined();
      await stage('late', async () => undefined);
    });
    expect(job.took.size).toBe(0);
  });
});

describe('who is waited for', () => {
  test('of a lock: the job that has it now', async () => {
    const lock = new KeyedLock('pod');
    const [first, second, third] = ['StopPodSandbox', 'RemovePodSandbox', 'RunPodSandbox'].map((name) =>
      beginJob(change(name)),
    );
    if (!first || !second || !third) throw new Error('three jobs');
    const [gate, next] = [deferred<void>(), deferred<void>()];
    const entered = deferred<void>();
    const work = [
      inJob(first, () => lock.with('p1', undefined, () => gate.promise)),
      inJob(second, () =>
        lock.with('p1', undefined, () => {
          entered.resolve();
          return next.promise;
        }),
      ),
      inJob(third, () => lock.with('p1', undefined, async () => undefined)),
    ];
    expect(texts(third)).toEqual([`waiting for the lock of pod p1, held by ${first.id} StopPodSandbox`]);
    gate.resolve();
    await entered.promise;
    expect(texts(third)).toEqual([`waiting for the lock of pod p1, held by ${second.id} RemovePodSandbox`]);
    next.resolve();
    await Promise.all(work);
    for (const job of [first, second, third]) endJob(job, { code: 0 });
    expect(third.waits).toEqual([
      { for: 'waiting for the lock of pod p1', ms: expect.any(Number) as number, holder: `${first.id} StopPodSandbox` },
    ]);
  });

  test('of work that is joined: the job that began it; of slots: what they are for', async () => {
    const flights = new SingleFlight<void>('stop the pod');
    const slots = new Semaphore(1, 'pull');
    const gate = deferred<void>();
    const [first, second] = [beginJob(change('StopPodSandbox')), beginJob(change('StopPodSandbox'))];
    const stop = () => flights.run('p1', () => slots.with(undefined, () => gate.promise));
    const stops = [inJob(first, stop), inJob(second, stop)];
    const pull = inJob(second, () => slots.with(undefined, async () => undefined));
    expect(texts(first)).toEqual(['stop the pod']);
    expect(texts(second)).toEqual([
      `waiting for another call to stop the pod, held by ${first.toString()}`,
      'waiting for a slot: pull',
    ]);
    gate.resolve();
    await Promise.all([...stops, pull]);
    for (const job of [first, second]) endJob(job, { code: 0 });
  });
});

describe('the log', () => {
  test('has the job in each line that is written during it, and in no other', async () => {
    const { log, lines } = readLog();
    const pods = log.room('pods');
    pods.info('before');
    await backgroundJob('GC', {}, () => stage('look', async () => pods.info('during')));
    const job = beginJob(change('RunPodSandbox'));
    inJob(job, () => {
      endJob(job, { code: 0 });
      pods.info('after');
    });
    expect(lines.map(({ msg, room, job: id }) => [msg, room, id !== undefined])).toEqual([
      ['before', 'pods', false],
      ['during', 'pods', true],
      ['after', 'pods', false],
    ]);
  });

  test('has a level for all and others for rooms, which change while it is written', () => {
    const { log, lines } = readLog('info');
    const [pods, image] = [log.room('pods'), log.room('image')];
    log.setLevels({ level: 'warn', filters: { pods: 'debug' } });
    for (const one of [log, pods, image, log.room('cri')]) {
      one.debug('debug');
      one.info('info');
    }
    expect(lines.map(({ room, msg }) => [room, msg])).toEqual([
      ['pods', 'debug'],
      ['pods', 'info'],
    ]);
    log.setLevels({ level: 'info', filters: {} });
    pods.debug('no more');
    image.info('again');
    expect(lines.slice(2).map(({ room, msg }) => [room, msg])).toEqual([['image', 'again']]);
  });

  test('tells of a job that is slow where it is, while it is there, and of the background when it ends', async () => {
    const { log, line, lines } = readLog();
    using _telling = tellSlowJobs(log);
    slowJobs(({ kind }) => (kind === 'background' ? 1 : Infinity));
    const gate = deferred<void>();
    const quick = beginJob(change('RunPodSandbox'));
    const slow = backgroundJob('GC', { pod: 'p1' }, () => stage('CNI DEL', () => gate.promise, { object: 'hang' }));
    expect(await line(/GC is slow/)).toMatchObject({
      pod: 'p1',
      msg: expect.stringMatching(/so far: CNI DEL hang$/) as string,
      now: [{ stage: 'CNI DEL hang' }],
    });
    gate.resolve();
    await slow;
    expect(await line(/GC was slow/)).toMatchObject({ stages: { 'CNI DEL hang': expect.any(Number) as number } });
    endJob(quick, { code: 0 });
    expect(lines.filter(({ msg }) => /RunPodSandbox/.test(String(msg)))).toEqual([]);
  });
});
