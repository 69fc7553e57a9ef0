import type { PullEvent } from '../../src/image/pulls';
import { buildImage, type BuiltImage } from '../support/image-builder';
import { deferred } from '../support/deferred';
import { FakeRegistry } from './support/fake-registry';
import { criAuth, insecure, Room } from './support/room';

let registry: FakeRegistry;
let image: BuiltImage;
let room: Room;
let name: string;
/** Whether a layer is asked for, and the way to let it come. */
let asked: ReturnType<typeof deferred<void>>;
let letGo: ReturnType<typeof deferred<void>>;

beforeEach(async () => {
  registry = await FakeRegistry.start();
  image = await buildImage({ layers: [{ 'bin/': '', 'bin/sh': 'shell' }, { motd: 'hello' }] });
  registry.serve('app', 'latest', image);
  [asked, letGo] = [deferred<void>(), deferred<void>()];
  registry.on(new RegExp(`/blobs/${image.layers[1]?.digest}`), (_, response, body) => {
    asked.resolve();
    void letGo.promise.then(() => response.end(body));
  });
  room = await Room.open({ registries: insecure(registry.host) });
  name = `${registry.host}/app:latest`;
});
afterEach(async () => {
  letGo.resolve();
  await room[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const manifests = () => registry.count(/manifests/);
const layers = () => registry.count(/blobs/) - registry.count(new RegExp(image.config.digest));

/** Begins a pull and gives it up when its layer has been asked for. */
async function giveUp(): Promise<void> {
  const controller = new AbortController();
  const pull = room.images.pull(name, undefined, controller.signal);
  await asked.promise;
  controller.abort();
  await expect(pull).rejects.toMatchObject({ code: 'call-cancelled' });
}

test('a pull outlives one that gives up: another’s wait goes on', async () => {
  const controller = new AbortController();
  const quits = room.images.pull(name, undefined, controller.signal);
  const stays = room.images.pull(name, undefined);
  await asked.promise;
  controller.abort();
  await expect(quits).rejects.toMatchObject({ code: 'call-cancelled' });
  letGo.resolve();
  expect((await stays).id).toBe(image.config.digest);
  expect([manifests(), layers()]).toEqual([1, 2]);
});

test('a retry after giving up claims the result: nothing is asked for twice', async () => {
  await giveUp();
  expect(room.images.pulls.running()).toMatchObject([{ image: name }]);
  const again = room.images.pull(name, undefined);
  letGo.resolve();
  expect((await again).id).toBe(image.config.digest);
  expect([manifests(), layers()]).toEqual([1, 2]);
  expect(room.images.pulls.stats()).toMatchObject({ outcomes: { pulled: 1, failed: 0 }, inFlight: 0 });
});

test('one that comes when it has ended asks for the manifest alone', async () => {
  const ended = finished();
  await giveUp();
  letGo.resolve();
  expect(await ended).toMatchObject({ outcome: 'pulled' });
  // The event is a moment before the end: until then it would be joined.
  await new Promise((resolve) => setImmediate(resolve));
  expect((await room.images.pull(name, undefined)).id).toBe(image.config.digest);
  expect([manifests(), layers()]).toEqual([2, 2]);
  expect(room.images.pulls.stats().layers).toMatchObject({ registry: 2, there: 2 });
});

test('one with other credentials is a job of its own, but no layer comes twice', async () => {
  const first = room.images.pull(name, criAuth({ username: 'a', password: 'b' }));
  await asked.promise;
  const second = room.images.pull(name, criAuth({ username: 'c', password: 'd' }));
  const config = new RegExp(image.config.digest);
  while (registry.count(config) < 2) await new Promise((resolve) => setImmediate(resolve));
  letGo.resolve();
  expect((await first).id).toBe((await second).id);
  expect([manifests(), layers()]).toEqual([2, 2]);
  expect(room.images.pulls.stats()).toMatchObject({ outcomes: { pulled: 2 } });
});

test('a removal ends what nobody waits for, and it leaves nothing', async () => {
  await giveUp();
  await room.images.remove(name);
  expect(room.images.list()).toEqual([]);
  expect(await room.remains()).toEqual([]);
  expect(room.images.pulls.stats()).toMatchObject({ inFlight: 0, outcomes: { 'given-up': 1 } });
});

test('a removal does not end what somebody waits for', async () => {
  const pull = room.images.pull(name, undefined);
  await asked.promise;
  await room.images.remove(name);
  letGo.resolve();
  expect((await pull).id).toBe(image.config.digest);
});

test('the events tell endpoint, bytes and layers', async () => {
  letGo.resolve();
  const events: PullEvent[] = [];
  using _ = room.images.pulls.events.subscribe((event) => events.push(event));
  await room.images.pull(name, undefined);
  const bytes = image.layers.reduce((sum, layer) => sum + layer.bytes.length, 0);
  expect(events[0]).toMatchObject({ kind: 'pull-started', image: name, bytes: 0 });
  expect(events.at(-1)).toMatchObject({
    kind: 'pull-finished',
    outcome: 'pulled',
    endpoint: registry.host,
    bytes,
    totalBytes: bytes,
    layers: { registry: 2 },
  });
});

function finished(): Promise<PullEvent> {
  const { promise, resolve } = deferred<PullEvent>();
  room.images.pulls.events.subscribe((event) => {
    if (event.kind === 'pull-finished') resolve(event);
  });
  return promise;
}
