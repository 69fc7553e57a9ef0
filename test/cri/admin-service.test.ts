import { status } from '@grpc/grpc-js';
import { once } from 'node:events';
import { BerthError } from '../../src/base';
import type { PullState } from '../../src/image';
import type { admin } from '../../src/wire';
import { deferred } from '../support/deferred';
import { answer, connect } from './support/connection';
import { containerRecord, id, imageId, imageRecord, podRecord } from './support/records';
import { memoryRooms } from './support/rooms';

test('Info: which daemon it is and what it holds', async () => {
  const rooms = memoryRooms();
  rooms.podRecords.push(podRecord({ id: id('a') }));
  rooms.containerRecords.push(containerRecord({ id: id('a') }), containerRecord({ id: id('b') }));
  rooms.imageRecords.push(imageRecord());
  await using connection = await connect(rooms);
  expect(await answer((done) => connection.admin.info({}, done))).toEqual({
    version: '0.1.0-test',
    root: '/var/lib/berth',
    runRoot: '/run/berth',
    socket: '/run/berth/berth.sock',
    pid: 77n,
    startedAt: 9n,
    cgroup: '/berth/daemon',
    runtimePath: '/usr/bin/runc',
    runtimeVersion: '1.1.5',
    pods: 1,
    containers: 2,
    images: 1,
    ready: true,
  });
});

test('LoadImage: ids and names; the path has to be absolute', async () => {
  const rooms = memoryRooms();
  rooms.imageRecords.push(imageRecord());
  await using connection = await connect(rooms);
  const load = (path: string) => answer<admin.LoadImageResponse>((done) => connection.admin.loadImage({ path }, done));
  expect(await load('/tmp/a.tar')).toEqual({
    images: [{ id: imageId, names: ['example.org/nginx:1', `example.org/nginx@sha256:${id('d1')}`] }],
  });
  expect(rooms.seen).toEqual([{ name: 'load', args: ['/tmp/a.tar'] }]);
  await expect(load('a.tar')).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: 'LoadImage: path: a.tar is not absolute (correct the field and call again)',
  });
  await expect(load('')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
});

describe('Pull', () => {
  const state = (received: number, ready?: 'registry'): PullState => ({
    image: 'example.org/nginx:1',
    endpoint: 'example.org',
    bytes: received,
    totalBytes: 10,
    totalLayers: 1,
    layers: { there: 0, shared: 0, local: 0, registry: ready ? 1 : 0 },
    perLayer: [{ digest: 'sha256:1', size: 10, received, ready }],
    seconds: 0,
  });
  const layer = (received: bigint, ready: string) => ({ digest: 'sha256:1', size: 10n, received, ready });
  const pull = (connection: Awaited<ReturnType<typeof connect>>, image = 'example.org/nginx:1') =>
    connection.admin.pull({ image }) as AsyncIterable<admin.PullEvent>;

  test('tells what has changed, and the id at the end', async () => {
    const rooms = memoryRooms();
    rooms.imageRecords.push(imageRecord());
    const [name] = imageRecord().repoTags;
    rooms.pulling.set(name ?? '', state(0));
    const over = deferred<void>();
    rooms.behave('pull', () => over.promise);
    await using connection = await connect(rooms);
    const events: admin.PullEvent[] = [];
    for await (const event of pull(connection)) {
      events.push(event);
      if (events.length === 1) rooms.pulling.set(name ?? '', state(10, 'registry'));
      else over.resolve();
    }
    expect(events).toMatchObject([
      { progress: { endpoint: 'example.org', bytes: 0n, layers: [layer(0n, '')] } },
      { progress: { bytes: 10n, layers: [layer(10n, 'registry')] } },
      { imageId },
    ]);
    expect(rooms.seen).toEqual([{ name: 'pull', args: ['example.org/nginx:1', undefined] }]);
  });

  test('ends with the status of the pull, and ends its wait when it is cancelled', async () => {
    const rooms = memoryRooms();
    rooms.imageRecords.push(imageRecord());
    const error = new BerthError('registry-denied', { op: 'pull', detail: 'no' });
    rooms.behave('pull', () => Promise.reject(error));
    await using connection = await connect(rooms);
    await expect(pull(connection)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
    });
    await expect(pull(connection, '')[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    const begun = deferred<AbortSignal>();
    rooms.behave('pull', async (signal) => {
      if (!signal) return;
      begun.resolve(signal);
      await once(signal, 'abort');
      throw new BerthError('call-cancelled', { op: 'pull', detail: 'given up' });
    });
    const call = connection.admin.pull({ image: 'example.org/nginx:1' });
    call.on('error', () => undefined);
    const signal = await begun.promise;
    const ended = once(signal, 'abort');
    call.cancel();
    await ended;
  });
});

test('Check: events as they come; a check that fails ends the stream with its status', async () => {
  const rooms = memoryRooms();
  await using connection = await connect(rooms);
  const request = { quick: true, repair: false, discard: false };
  const check = async (): Promise<admin.CheckEvent[]> => {
    const events: admin.CheckEvent[] = [];
    const call: AsyncIterable<admin.CheckEvent> = connection.admin.check(request);
    for await (const event of call) events.push(event);
    return events;
  };
  expect(await check()).toMatchObject([
    { progress: { done: 1, total: 1, object: 'sha256:1' } },
    { summary: { images: 1, layers: 1 } },
  ]);
  expect(rooms.seen).toMatchObject([{ name: 'check', args: [request, expect.any(AbortSignal)] }]);
  rooms.behave('check', () => Promise.reject(new BerthError('storage-full', { op: 'check', detail: 'no room' })));
  await expect(check()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
});
