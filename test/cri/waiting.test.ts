import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { abortError } from '../../src/base';
import type { ExecSyncResponse } from '../../src/wire';
import { answer, collect, connect } from './support/connection';
import { containerRecord, id, imageRecord } from './support/records';
import { deferred } from '../support/deferred';
import { memoryRooms, type Rooms } from './support/rooms';

/** Makes the named call of the rooms wait for its signal; gives the error that the room then throws. */
function waitForSignal(rooms: Rooms, name: string): { begun: Promise<void>; thrown: Promise<Error> } {
  const begun = deferred<void>();
  const thrown = deferred<Error>();
  rooms.behave(name, (signal) => {
    begun.resolve();
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => {
        const error = abortError(signal, name);
        thrown.resolve(error);
        reject(error);
      });
    });
  });
  return { begun: begun.promise, thrown: thrown.promise };
}

test('a client that cancels: the room hears of it as a cancellation', async () => {
  const rooms = memoryRooms();
  const { begun, thrown } = waitForSignal(rooms, 'stop');
  await using connection = await connect(rooms);
  const outcome = deferred<ServiceError | null>();
  const call = connection.runtime.stopContainer({ containerId: 'c1', timeout: 30n }, (error) => outcome.resolve(error));
  await begun;
  call.cancel();
  expect(await thrown).toMatchObject({ code: 'call-cancelled' });
  expect(await outcome.promise).toMatchObject({ code: status.CANCELLED });
});

test('a deadline that passes: the room hears of it as a deadline', async () => {
  const rooms = memoryRooms();
  const { thrown } = waitForSignal(rooms, 'removePod');
  await using connection = await connect(rooms);
  const outcome = answer((done) =>
    connection.runtime.removePodSandbox({ podSandboxId: 'p1' }, new Metadata(), { deadline: Date.now() + 200 }, done),
  );
  await expect(outcome).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  expect(await thrown).toMatchObject({ code: 'deadline-exceeded' });
});

test('a deadline of a millisecond is DEADLINE_EXCEEDED, whatever comes of the pull', async () => {
  const rooms = memoryRooms();
  rooms.imageRecords.push(imageRecord());
  waitForSignal(rooms, 'pull');
  await using connection = await connect(rooms);
  const image = { image: 'example.org/a:1', annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' };
  await expect(
    answer((done) =>
      connection.image.pullImage(
        { image, auth: undefined, sandboxConfig: undefined },
        new Metadata(),
        { deadline: Date.now() + 1 },
        done,
      ),
    ),
  ).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
});

test('a call that is answered in time leaves its signal alone', async () => {
  const rooms = memoryRooms();
  rooms.containerRecords.push(containerRecord({ id: id('c1') }));
  await using connection = await connect(rooms);
  await answer<ExecSyncResponse>((done) =>
    connection.runtime.execSync(
      { containerId: id('c1'), cmd: ['true'], timeout: 0n },
      new Metadata(),
      { deadline: Date.now() + 150 },
      done,
    ),
  );
  const [signal] = rooms.signals;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(signal?.aborted).toBe(false);
});

test('a slow reader of a stream: it gets everything, and one that leaves ends the call', async () => {
  const rooms = memoryRooms();
  const annotations = { big: 'x'.repeat(1000) };
  for (let number = 0; number < 12_001; number++) {
    const record = containerRecord({ id: number.toString(16).padStart(64, '0') });
    rooms.containerRecords.push({ ...record, config: { ...record.config, annotations } });
  }
  await using connection = await connect(rooms);
  const gone = connection.runtime.streamContainers({ filter: undefined });
  gone.on('error', () => undefined);
  await new Promise<void>((resolve) => gone.once('data', () => resolve()));
  gone.cancel();
  const slow = connection.runtime.streamContainers({ filter: undefined });
  slow.pause();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const messages = await collect(slow);
  expect(messages.map((message) => message.containers.length)).toEqual([3000, 3000, 3000, 3000, 1]);
  expect(new Set(messages.flatMap((message) => message.containers.map((container) => container.id))).size).toBe(12_001);
});
