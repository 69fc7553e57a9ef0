import { type Change, EventBus, isBerthError } from '../../src/base';
import { type ContainerFacts, type PodFacts, containerEvents, podEvents } from '../../src/observe/events/change';
import { EventReader } from '../../src/observe/events/reader';
import { eventFeed } from '../../src/observe';
import { containerRecord, id, podRecord } from '../cri/support/records';

const container = (phase: ContainerFacts['phase'], startedAt = 0n, exit?: object): ContainerFacts => ({
  phase,
  startedAt,
  ...(exit && { exit }),
});
const over = {};

describe('what a change tells', () => {
  test.each<[string, Change<ContainerFacts>, readonly string[]]>([
    ['an intent', { before: undefined, after: container('creating') }, []],
    ['it is made', { before: container('creating'), after: container('created') }, ['created']],
    ['it is started', { before: container('created'), after: container('running', 5n) }, ['started']],
    ['it ends', { before: container('running', 5n), after: container('exited', 5n, over) }, ['stopped']],
    [
      'it ended before its start was known',
      { before: container('created'), after: container('exited', 5n, over) },
      ['started', 'stopped'],
    ],
    [
      'its start is written down late',
      { before: container('exited', 5n, over), after: container('exited', 5n, over) },
      [],
    ],
    [
      'it ended without having been started',
      { before: container('created'), after: container('exited', 0n, over) },
      ['stopped'],
    ],
    ['nobody knows how it ended', { before: container('running', 5n), after: container('exited', 5n) }, ['stopped']],
    [
      'it ends while it is being removed',
      { before: container('removing', 5n), after: container('removing', 5n, over) },
      ['stopped'],
    ],
    ['it has been reaped', { before: container('exited', 5n, over), after: container('exited', 5n, over) }, []],
    ['its removal begins', { before: container('exited', 5n, over), after: container('removing', 5n, over) }, []],
    ['it is gone', { before: container('removing', 5n, over), after: undefined }, ['deleted']],
  ])('of a container: %s', (_what, change, kinds) => {
    expect(containerEvents(change)).toEqual(kinds);
  });

  const pod = (phase: PodFacts['phase']): PodFacts => ({ phase });
  test.each<[string, Change<PodFacts>, readonly string[]]>([
    ['an intent', { before: undefined, after: pod('creating') }, []],
    ['it is ready', { before: pod('creating'), after: pod('ready') }, ['created', 'started']],
    ['its resources change', { before: pod('ready'), after: pod('ready') }, []],
    ['its stop begins', { before: pod('ready'), after: pod('stopping') }, []],
    ['its stop is over', { before: pod('stopping'), after: pod('stopped') }, ['stopped']],
    ['it is removed without a stop', { before: pod('stopping'), after: pod('removing') }, ['stopped']],
    ['it is removed after one', { before: pod('stopped'), after: pod('removing') }, []],
    ['it is gone', { before: pod('removing'), after: undefined }, ['deleted']],
  ])('of a pod: %s', (_what, change, kinds) => {
    expect(podEvents(change)).toEqual(kinds);
  });
});

describe('a reader', () => {
  test('gets what is put in its order, and ends with the signal', async () => {
    const reader = new EventReader<number>(10, () => undefined);
    const left = new AbortController();
    reader.put(1);
    const got: number[] = [];
    for await (const event of reader.read(left.signal)) {
      got.push(event);
      if (event < 5) reader.put(event + 1);
      else left.abort();
    }
    expect(got).toEqual([1, 2, 3, 4, 5]);
  });

  test('that waits is ended by the signal', async () => {
    const reader = new EventReader<number>(10, () => undefined);
    const left = new AbortController();
    const next = reader.read(left.signal).next();
    left.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test('that is behind is cut off once, with what to do', () => {
    const errors: Error[] = [];
    const reader = new EventReader<number>(2, (error) => errors.push(error));
    expect([reader.put(1), reader.put(2), reader.put(3)]).toEqual([true, true, false]);
    expect(errors).toHaveLength(1);
    expect(isBerthError(errors[0], 'events-slow')).toBe(true);
    expect(errors[0]?.message).toMatch(/2 events wait for this reader.*subscribe again/);
  });
});

describe('the feed', () => {
  const [podId, containerId] = [id('a1'), id('c1')];
  function feedOf() {
    const pods = [podRecord({ id: podId, phase: 'creating' })].slice(1);
    const containers = [containerRecord({ id: containerId, sandboxId: podId })].slice(1);
    const podChanges = new EventBus<Change<ReturnType<typeof podRecord>>>();
    const containerChanges = new EventBus<Change<ReturnType<typeof containerRecord>>>();
    const feed = eventFeed({
      pods: { list: () => pods, get: (wanted) => pods.find((pod) => pod.id === wanted) },
      containers: { list: () => containers },
      podLifecycle: { containersOf: (pod) => containers.filter(({ sandboxId }) => sandboxId === pod.id) },
      podChanges,
      containerChanges,
    });
    const read = (count: number) => {
      const reader = feed.subscribe(() => undefined);
      return async () => {
        const [got, left] = [[] as string[], new AbortController()];
        for await (const { kind, id: of, at } of reader.read(left.signal)) {
          if (got.push(`${kind} ${of.slice(0, 2)} ${typeof at}`) === count) left.abort();
        }
        return got;
      };
    };
    return { feed, pods, containers, podChanges, containerChanges, read };
  }

  test('tells nothing of what was never whole, and the deletion of what was', async () => {
    const { pods, podChanges, containerChanges, read } = feedOf();
    const rest = read(4);
    const pod = podRecord({ id: podId });
    const [creating, removing] = [
      podRecord({ id: podId, phase: 'creating' }),
      podRecord({ id: podId, phase: 'removing' }),
    ];
    podChanges.publish({ before: undefined, after: creating });
    podChanges.publish({ before: creating, after: removing });
    podChanges.publish({ before: removing, after: undefined });
    pods.push(pod);
    const failed = containerRecord({ id: containerId, sandboxId: podId, phase: 'creating', startedAt: 0n });
    containerChanges.publish({ before: undefined, after: failed });
    containerChanges.publish({ before: failed, after: undefined });
    podChanges.publish({ before: creating, after: pod });
    podChanges.publish({ before: pod, after: { ...pod, phase: 'stopped' } });
    podChanges.publish({ before: { ...pod, phase: 'removing' }, after: undefined });
    expect(await rest()).toEqual(['created a1 bigint', 'started a1 bigint', 'stopped a1 bigint', 'deleted a1 bigint']);
  });

  test('has no two events at the same time, and each with the pod as it was then', async () => {
    const { feed, pods, containers, containerChanges } = feedOf();
    pods.push(podRecord({ id: podId }));
    using reader = feed.subscribe(() => undefined);
    const before = containerRecord({ id: containerId, sandboxId: podId, phase: 'creating', startedAt: 0n });
    const created = { ...before, phase: 'created' as const };
    containers.push(created);
    containerChanges.publish({ before, after: created });
    const running = { ...created, phase: 'running' as const, startedAt: 5n };
    containers.splice(0, 1, running);
    containerChanges.publish({ before: created, after: running });
    const left = new AbortController();
    const seen: [bigint, string][] = [];
    for await (const event of reader.read(left.signal)) {
      if (seen.push([event.at, event.containers[0]?.phase ?? '']) === 2) left.abort();
    }
    expect(seen.map(([, phase]) => phase)).toEqual(['created', 'running']);
    expect(seen[1]?.[0]).toBeGreaterThan(seen[0]?.[0] ?? 0n);
  });

  test('has a bound on its readers, and room again once one has left', () => {
    const { feed } = feedOf();
    const readers = Array.from({ length: 64 }, () => feed.subscribe(() => undefined));
    expect(() => feed.subscribe(() => undefined)).toThrow(/64 readers of events/);
    readers[0]?.[Symbol.dispose]();
    feed.subscribe(() => undefined)[Symbol.dispose]();
  });
});
