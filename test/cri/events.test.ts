import { type ClientReadableStream, status, type ServiceError } from '@grpc/grpc-js';
import { ContainerEventType, type ContainerEventResponse } from '../../src/wire';
import { until } from '../support/until';
import { answer, type Connection, connect } from './support/connection';
import { containerRecord, id, podRecord } from './support/records';
import { memoryRooms, type Rooms } from './support/rooms';

let rooms: Rooms;
let connection: Connection;
beforeEach(async () => {
  rooms = memoryRooms();
  rooms.podRecords.push(podRecord({ id: id('a1') }));
  connection = await connect(rooms);
});
afterEach(async () => connection[Symbol.asyncDispose]());

/** A reader: what it got, and how its stream ended. */
function readerOf(stream: ClientReadableStream<ContainerEventResponse>) {
  const seen = {
    ids: [] as string[],
    events: [] as ContainerEventResponse[],
    error: undefined as ServiceError | undefined,
  };
  stream.on('data', (event: ContainerEventResponse) => {
    seen.ids.push(event.containerId);
    if (seen.events.length < 10) seen.events.push(event);
  });
  stream.on('error', (error: ServiceError) => (seen.error = error));
  return { stream, seen };
}
const subscribe = () => readerOf(connection.runtime.getContainerEvents({}));

/** Tells that a container of the pod was made. */
function create(name: string): void {
  const after = containerRecord({ id: name, sandboxId: id('a1'), phase: 'created', startedAt: 0n });
  rooms.containerChanges.publish({ before: { ...after, phase: 'creating' }, after });
}

/** Readers are there once they get something. */
async function arrived(readers: readonly ReturnType<typeof subscribe>[]): Promise<void> {
  await until(() => {
    create('hello');
    return readers.every(({ seen }) => seen.ids.length > 0);
  });
}

test('10,000 events reach 19 readers, each in its order, and one that has stalled is cut off', async () => {
  const readers = Array.from({ length: 19 }, subscribe);
  const stalled = subscribe();
  await arrived([...readers, stalled]);
  stalled.stream.pause();
  const names = Array.from({ length: 10_000 }, (_, index) => `c${index}`);
  for (let at = 0; at < names.length; at += 500) {
    names.slice(at, at + 500).forEach(create);
    // They keep up: each has all of it before there is more.
    await until(() => readers.every(({ seen }) => seen.ids.at(-1) === names[at + 499]));
  }
  const told = ({ seen }: typeof stalled) => seen.ids.filter((name) => name !== 'hello');
  for (const reader of readers) {
    expect(told(reader)).toEqual(names);
    expect(reader.seen.error).toBeUndefined();
  }
  stalled.stream.resume();
  await until(() => stalled.seen.error !== undefined);
  expect(stalled.seen.error).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    details: expect.stringMatching(/4096 events wait for this reader.*subscribe again/) as string,
  });
  // What it did get has no gap.
  const got = told(stalled);
  expect(got).toEqual(names.slice(0, got.length));
  expect(got.length).toBeLessThan(names.length);
}, 120_000);

test('an event has the pod and all its containers as they are then', async () => {
  const reader = subscribe();
  await arrived([reader]);
  const [other, after] = [id('c1'), id('c2')].map((name) => containerRecord({ id: name, sandboxId: id('a1') }));
  if (!other || !after) throw new Error('no records');
  rooms.containerRecords.push(other, containerRecord({ id: id('c3'), sandboxId: id('a9') }), after);
  rooms.containerChanges.publish({ before: { ...after, phase: 'created', startedAt: 0n }, after });
  create(id('c2'));
  reader.seen.events.length = 0;
  const running = { ...after, startedAt: 20n };
  rooms.containerChanges.publish({ before: { ...after, startedAt: 0n }, after: running });
  await until(() =>
    reader.seen.events.some(({ containerEventType: type }) => type === ContainerEventType.CONTAINER_STARTED_EVENT),
  );
  const event = reader.seen.events.find(
    ({ containerEventType: type }) => type === ContainerEventType.CONTAINER_STARTED_EVENT,
  );
  expect(event).toMatchObject({
    containerId: id('c2'),
    podSandboxStatus: { id: id('a1'), metadata: { name: 'web', uid: 'uid-1' }, network: { ip: '10.88.0.7' } },
    containersStatuses: [{ id: id('c1') }, { id: id('c2') }],
  });
  expect(event?.createdAt).toBeGreaterThan(BigInt(Date.now() - 60_000) * 1_000_000n);
});

test('a reader that leaves makes room; a stop of berthd ends the others at once, and says so', async () => {
  const [one, other] = [subscribe(), subscribe()];
  await arrived([one, other]);
  one.stream.cancel();
  await until(() => one.seen.error?.code === status.CANCELLED);
  // Its grace is for calls that end.
  await connection.server.close(60_000);
  await until(() => other.seen.error !== undefined);
  expect(other.seen.error).toMatchObject({
    code: status.UNAVAILABLE,
    details: expect.stringContaining('stopping') as string,
  });
});

describe('before berthd is ready', () => {
  let starting: Connection;
  let reader: ReturnType<typeof subscribe>;
  beforeEach(async () => {
    starting = await connect(rooms, { ready: false });
    reader = readerOf(starting.runtime.getContainerEvents({}));
    // Calls of a connection come in their order: the reader's is there when another is refused.
    await expect(answer((done) => starting.runtime.version({ version: '' }, done))).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
  });
  afterEach(() => starting[Symbol.asyncDispose]());

  test('a reader waits, and is told what happens from then on', async () => {
    expect(reader.seen.error).toBeUndefined();
    starting.server.ready();
    await arrived([reader]);
    expect(reader.seen.error).toBeUndefined();
    reader.stream.cancel();
  });

  test('a stop ends its wait', async () => {
    await starting.server.close(1000);
    await until(() => reader.seen.error !== undefined);
    expect(reader.seen.error).toMatchObject({ code: status.UNAVAILABLE });
  });
});
