import { Metadata } from '@grpc/grpc-js';
import { createLog, type Job, slowJobs, stage, watchJobs } from '../../src/base';
import { answer, connect } from './support/connection';
import { memoryRooms } from './support/rooms';

const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** The jobs of the calls that the test makes. */
async function jobsOf(headers: Readonly<Record<string, string>>): Promise<readonly Job[]> {
  const jobs: Job[] = [];
  using _watch = watchJobs({ ended: (job) => void jobs.push(job) });
  await using connection = await connect(memoryRooms());
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  await answer((done) => connection.runtime.version({ version: '' }, metadata, done));
  await answer((done) => connection.runtime.stopContainer({ containerId: 'c1', timeout: 0n }, metadata, done));
  return jobs;
}

test('each call is a job, by its service and kind, in the trace of its caller', async () => {
  const jobs = await jobsOf({ traceparent: parent, tracestate: 'a=b,c=d' });
  expect(jobs.map(({ name, kind, facts, end }) => [name, kind, facts.service, end?.code])).toEqual([
    ['Version', 'read', 'runtime.v1.RuntimeService', 0],
    ['StopContainer', 'change', 'runtime.v1.RuntimeService', 0],
  ]);
  for (const { facts } of jobs) expect(facts.trace).toEqual({ parent, state: 'a=b,c=d' });
});

test('a call without a trace has none; what is too long is not read', async () => {
  expect((await jobsOf({})).map(({ facts }) => facts.trace)).toEqual([undefined, undefined]);
  const [job] = await jobsOf({ traceparent: parent + 'x'.repeat(5000), tracestate: `a=${'b'.repeat(5000)}` });
  expect(job?.facts.trace?.parent.length).toBeLessThan(300);
  expect(job?.facts.trace?.state).toBe('');
});

test('a call that was slow has what its stages took in its line, also if it is a read; each line of a call has its job', async () => {
  const lines: Record<string, unknown>[] = [];
  const log = createLog('info', { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
  const rooms = memoryRooms(log);
  rooms.behave('stop', () => stage('stop-container.wait', async () => log.info('during')));
  slowJobs(({ kind }) => (kind === 'read' ? 0 : Infinity));
  await using connection = await connect(rooms);
  await answer((done) => connection.runtime.version({ version: '' }, done));
  slowJobs(({ kind }) => (kind === 'change' ? 0 : Infinity));
  await answer((done) => connection.runtime.stopContainer({ containerId: 'c1', timeout: 0n }, done));
  slowJobs(() => Infinity);
  await answer((done) => connection.runtime.stopContainer({ containerId: 'c2', timeout: 0n }, done));
  const job = expect.stringMatching(/^[0-9a-f]{4}-[0-9a-z]+$/) as string;
  expect(lines).toMatchObject([
    { level: 40, msg: 'Version, slow', job, rpc: 'Version', code: 'OK', stages: {} },
    { level: 30, msg: 'during', job },
    { level: 40, msg: 'StopContainer, slow', job, stages: { 'stop-container.wait': expect.any(Number) as number } },
    { level: 30, msg: 'during', job },
    { level: 30, msg: 'StopContainer', job, container: 'c2' },
  ]);
  expect(lines[1]?.['job']).toBe(lines[2]?.['job']);
  expect(lines[4]).not.toHaveProperty('stages');
});
