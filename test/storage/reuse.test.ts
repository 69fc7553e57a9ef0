import fs from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import zlib from 'node:zlib';
import type { Kernel } from '../../src/kernel';
import type { LayerSource } from '../../src/storage';
import { deferred } from '../support/deferred';
import { listing } from './support/files';
import { openKernel, openStorage, sourcesOf, type Opened } from './support/open';
import { dir, file, tar, type Entry } from './support/tar';

let kernel: Kernel;
let closeKernel: () => Promise<void>;
const opened: Opened[] = [];
beforeAll(async () => ({ kernel, close: closeKernel } = await openKernel()));
afterEach(() => opened.splice(0).forEach((one) => one.remove()));
afterAll(() => closeKernel());

async function open(options: Parameters<typeof openStorage>[1] = {}): Promise<Opened> {
  const one = await openStorage(kernel, options);
  opened.push(one);
  return one;
}

const layer = (...entries: Entry[]) => {
  const archive = tar(entries);
  return { blob: zlib.gzipSync(archive), tar: archive };
};
const never = new AbortController().signal;
const base = layer(dir('.'), dir('etc'), file('etc/hosts', 'localhost'));
const other = layer(dir('.'), dir('srv'));
const shared = layer(dir('.'), dir('opt'), file('opt/tool', 'tool'.repeat(1000)));

/** Adds the layers and tells where each came from, base first. */
async function origins({ storage }: Opened, sources: readonly LayerSource[]): Promise<readonly string[]> {
  const from = new Map<string, string>();
  await storage.addLayers(sources, never, ({ chainId }, origin) => from.set(chainId, origin));
  return sources.map(({ chainId }) => from.get(chainId) ?? 'not told');
}

test('a layer on other ones is unpacked from the blob that was kept, without its registry', async () => {
  const room = await open();
  const first = sourcesOf([base, shared]);
  expect(await origins(room, first)).toEqual(['registry', 'registry']);
  expect(await origins(room, first)).toEqual(['there', 'there']);
  const usage = room.storage.imageUsage();
  const second = sourcesOf([other, shared]);
  expect(await origins(room, second)).toEqual(['registry', 'local']);
  expect(second[1]?.opened.count).toBe(0);
  expect(listing(room.layerDir(second[1]?.chainId ?? ''))).toContainEqual(expect.stringContaining('opt/tool'));
  // The blob is one, and counts once.
  const blob = BigInt(other.blob.length) + BigInt(shared.blob.length);
  expect(room.storage.imageUsage().bytes - usage.bytes).toBeLessThan(blob + 5n * 4096n);
  expect(fs.readdirSync(path.join(room.root, 'blobs/sha256'))).toHaveLength(3);
});

test.each<[string, (bytes: Buffer) => Buffer]>([
  ['altered', (bytes) => Buffer.from(bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 0xff : byte)))],
  ['cut short', (bytes) => bytes.subarray(0, 100)],
  ['no archive at all', (bytes) => Buffer.alloc(bytes.length, 'x')],
])('a kept blob that is %s is fetched again, and the new one takes its place', async (_, damage) => {
  const room = await open();
  const first = sourcesOf([base, shared]);
  await room.storage.addLayers(first, never);
  const blob = path.join(room.root, 'blobs/sha256', (first[1]?.digest ?? '').slice(7));
  fs.writeFileSync(blob, damage(shared.blob));
  const second = sourcesOf([other, shared]);
  expect(await origins(room, second)).toEqual(['registry', 'registry']);
  expect(second[1]?.opened.count).toBe(1);
  expect(fs.readFileSync(blob)).toEqual(shared.blob);
  expect(room.leftovers().filter((name) => name.startsWith('staging'))).toEqual([]);
});

test('a blob that is wanted at several places at once is fetched once, with a single slot too', async () => {
  for (const layerConcurrency of [1, 3]) {
    const room = await open({ layerConcurrency });
    const [one, two] = [sourcesOf([base, shared, shared]), sourcesOf([other, shared])];
    await Promise.all([one, two].map((sources) => room.storage.addLayers(sources, never)));
    const fetched = [...one, ...two].filter(({ digest }) => digest === one[1]?.digest);
    expect(fetched.reduce((sum, { opened: { count } }) => sum + count, 0)).toBe(1);
    expect(room.leftovers().filter((name) => name.startsWith('staging'))).toEqual([]);
  }
});

test('one who waits for another’s bytes fetches its own if they do not come, and stops waiting when it gives up', async () => {
  const room = await open();
  const arrived = deferred<void>();
  const refuse = deferred<void>();
  const refused = async (): Promise<Readable> => {
    arrived.resolve();
    await refuse.promise;
    throw new Error('denied');
  };
  const failing = sourcesOf([base, shared]).map((source, at) => (at === 1 ? { ...source, open: refused } : source));
  const first = room.storage.addLayers(failing, never);
  await arrived.promise;

  const giveUp = new AbortController();
  const third = layer(dir('.'), dir('third'));
  const quitter = room.storage.addLayers(sourcesOf([third, shared]), giveUp.signal);
  const patient = sourcesOf([other, shared]);
  const stays = room.storage.addLayers(patient, never);
  giveUp.abort();
  await expect(quitter).rejects.toMatchObject({ code: 'call-cancelled' });
  refuse.resolve();
  await expect(first).rejects.toThrow('denied');
  await stays;
  expect(patient[1]?.opened.count).toBe(1);
  expect(room.leftovers().filter((name) => name.startsWith('staging'))).toEqual([]);
});

test('an image of many layers does not keep one of a single layer waiting', async () => {
  const room = await open({ layerConcurrency: 2 });
  const gates = new Map<string, () => void>();
  const order: string[] = [];
  const gated = (name: string, sources: ReturnType<typeof sourcesOf>): LayerSource[] =>
    sources.map((source, at) => ({
      ...source,
      open: async () => {
        order.push(`${name}${at}`);
        await new Promise<void>((resolve) => gates.set(`${name}${at}`, resolve));
        return source.open(never);
      },
    }));
  const many = Array.from({ length: 20 }, (_, at) => layer(dir('.'), file(`f${at}`, String(at))));
  const large = room.storage.addLayers(gated('large', sourcesOf(many)), never);
  await until(() => order.length === 2);
  const small = room.storage.addLayers(gated('small', sourcesOf([other])), never);
  gates.get('large0')?.();
  await until(() => order.length === 3);
  expect(order[2]).toBe('small0');
  gates.get('small0')?.();
  await small;
  for (let at = 1; at < 20; at++) {
    await until(() => gates.has(`large${at}`));
    gates.get(`large${at}`)?.();
  }
  await large;
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
