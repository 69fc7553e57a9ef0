import { beginJob, backgroundJob, createLog, endJob, inJob, type JobFacts, silentLog, stage } from '../../../src/base';
import { startTracing } from '../../../src/observe';
import { SpanExporter } from '../../../src/observe/tracing/exporter';
import type { Span } from '../../../src/observe/tracing/otlp';
import { sampled } from '../../../src/observe/tracing/trace-context';
import { deferred } from '../../support/deferred';
import { type Collector, openCollector } from './collector';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';
const parent = (flags: string) => ({ parent: `00-${traceId}-${parentId}-${flags}`, state: 'vendor=value' });

/** Milliseconds: soon, for what the test waits for by an event; the pauses are long enough to be seen. */
const soon = { gather: 5, request: 2_000, pause: 5, longestPause: 10 };

let collector: Collector;
beforeEach(async () => void (collector = await openCollector()));
afterEach(() => collector[Symbol.asyncDispose]());

const open = (perMillion = 0) =>
  startTracing({ endpoint: collector.endpoint, perMillion, log: silentLog(), times: soon });

/** A call as cri makes one of it. */
async function rpc(name: string, trace: JobFacts['trace'], work: () => Promise<void>, code = 0): Promise<void> {
  const job = beginJob({ name, service: 'runtime.v1.RuntimeService', kind: 'change', trace });
  job.note({ pod: 'p1' });
  await inJob(job, work);
  endJob(job, code === 0 ? { code } : { code, error: 'the plugin failed' });
}

function spanNamed(name: string): Span {
  const time = '1700000000000000000';
  return {
    traceId,
    spanId: parentId,
    name,
    kind: 1,
    startTimeUnixNano: time,
    endTimeUnixNano: time,
    attributes: [],
    status: {},
  };
}

describe('tracing', () => {
  test('makes a span of a call, in its caller’s trace, and of each of its stages', async () => {
    const tracing = await open();
    const add = () => stage('CNI ADD', async () => undefined, { object: 'bridge' });
    await rpc('RunPodSandbox', parent('01'), () => stage('run-pod.attach', add), 13);
    await tracing.close();
    const [call, attach, plugin] = ['runtime.v1.RuntimeService/RunPodSandbox', 'run-pod.attach', 'CNI ADD'].map(
      (name) => collector.spans.find((span) => span.name === name),
    );
    expect(call).toMatchObject({
      traceId,
      parentSpanId: parentId,
      traceState: 'vendor=value',
      kind: 2,
      status: { code: 2, message: 'the plugin failed' },
      attributes: {
        'rpc.system': 'grpc',
        'rpc.service': 'runtime.v1.RuntimeService',
        'rpc.method': 'RunPodSandbox',
        'rpc.grpc.status_code': '13',
        'berth.pod': 'p1',
      },
    });
    expect(attach).toMatchObject({ traceId, parentSpanId: call?.spanId, kind: 1, status: {} });
    expect(plugin).toMatchObject({ traceId, parentSpanId: attach?.spanId, attributes: { 'berth.object': 'bridge' } });
    expect(collector.resources[0]).toMatchObject({ 'service.name': 'berthd', 'process.pid': String(process.pid) });
    const times = [call?.startTimeUnixNano, plugin?.startTimeUnixNano, plugin?.endTimeUnixNano, call?.endTimeUnixNano];
    expect([...times].sort()).toEqual(times);
    expect(tracing.stats()).toEqual({ sent: 3, dropped: 0, waiting: 0 });
  });

  test('leaves out what the caller does not sample, calls without a trace at a rate of 0, and the background', async () => {
    const tracing = await open();
    await rpc('StopContainer', parent('00'), async () => undefined);
    await rpc('StartContainer', undefined, () => stage('start', async () => undefined));
    await rpc('CreateContainer', { parent: 'no trace at all', state: '' }, async () => undefined);
    await backgroundJob('GC', {}, async () => undefined);
    await tracing.close();
    expect(tracing.stats()).toEqual({ sent: 0, dropped: 0, waiting: 0 });
    expect(collector.requests).toBe(0);
  });

  test('begins traces of its own at the rate that is configured', async () => {
    const tracing = await open(1_000_000);
    await rpc('Version', undefined, async () => undefined);
    const span = await collector.named('runtime.v1.RuntimeService/Version');
    expect(span.parentSpanId).toBeUndefined();
    await tracing.close();
    const drawn = Array.from({ length: 20_000 }, () => sampled(undefined, 250_000)).filter(
      (each) => each !== undefined,
    );
    // Ten standard deviations.
    expect(Math.abs(drawn.length - 5_000)).toBeLessThan(613);
    expect(new Set(drawn.map((each) => each.traceId)).size).toBe(drawn.length);
  });

  test.each([
    ['of version 00', `00-${traceId}-${parentId}-01`, true],
    ['of a later version, with more behind it', `cc-${traceId}-${parentId}-01-what-will-be`, true],
    ['of version 00 with more behind it', `00-${traceId}-${parentId}-01-x`, false],
    ['of version ff', `ff-${traceId}-${parentId}-01`, false],
    ['with a trace id of zeros', `00-${'0'.repeat(32)}-${parentId}-01`, false],
    ['with a parent of zeros', `00-${traceId}-${'0'.repeat(16)}-01`, false],
    ['in capitals', `00-${traceId.toUpperCase()}-${parentId}-01`, false],
    ['that is cut off', `00-${traceId}-${parentId}`, false],
  ])('a traceparent %s', (_, text, read) => {
    const context = sampled({ parent: text, state: '' }, 0);
    if (read) expect(context).toMatchObject({ traceId, parentId });
    else expect(context).toBeUndefined();
  });
});

describe('a collector', () => {
  test('that is not there costs dropped spans, which are counted, and one line of the log; later it has what comes then', async () => {
    const lines: string[] = [];
    const said = deferred<void>();
    const log = createLog('info', {
      write(line) {
        lines.push(line);
        if (line.includes('takes spans again')) said.resolve();
      },
    });
    collector.status = 503;
    const exporter = new SpanExporter({ endpoint: collector.endpoint, log, times: soon });
    exporter.add(spanNamed('first'));
    await collector.asked(1);
    exporter.add(spanNamed('second'));
    await collector.asked(2);
    collector.status = 200;
    // A dropped one is not there later.
    exporter.add(spanNamed('third'));
    expect(await collector.named('third')).toBeDefined();
    await said.promise;
    expect(collector.spans.map(({ name }) => name)).toEqual(['third']);
    expect(exporter.stats()).toEqual({ sent: 1, dropped: 2, waiting: 0 });
    expect(lines.filter((line) => line.includes('traces are dropped'))).toHaveLength(1);
    await exporter.close(1000);
  });

  test('that cannot be reached lets no more than a bounded queue wait, and no end of berthd', async () => {
    const endpoint = collector.endpoint;
    await collector[Symbol.asyncDispose]();
    const exporter = new SpanExporter({ endpoint, log: silentLog(), times: { ...soon, gather: 60_000 } });
    for (let at = 0; at < 10_000; at++) exporter.add(spanNamed('one of many'));
    expect(exporter.stats()).toEqual({ sent: 0, dropped: 10_000 - 4096, waiting: 4096 });
    await exporter.close(1000);
    expect(exporter.stats().sent).toBe(0);
    collector = await openCollector();
  });
});
