import fs from 'node:fs';
import { join } from 'node:path';
import type { CheckRequest } from '../../src/image';
import { buildArtifact } from '../support/image-builder';
import { TestRegistry } from '../support/registry';
import { insecure, Room } from './support/room';

let registry: TestRegistry;
beforeAll(async () => void (registry = await TestRegistry.start()));
afterAll(() => registry[Symbol.asyncDispose]());

const weights = Buffer.alloc(100_000, 'weights ');
const artifact = buildArtifact([
  { title: 'model/weights', bytes: weights },
  { title: 'card.json', bytes: Buffer.from('{"a":1}') },
]);

/** An artifact that has been pulled, the folder of its layer and its blobs. */
async function pulled() {
  await registry.push('models/checked', 'v1', artifact);
  const room = await Room.open({ registries: insecure(registry.host) });
  const image = await room.images.pull(`${registry.host}/models/checked:v1`, undefined);
  const root = join(room.dir, 'root');
  const folder = join(root, 'layers', image.chainIds[0]?.slice(7) ?? '');
  return { room, image, folder, blob: (at: number) => join(root, 'blobs/sha256', image.layers[at]?.slice(7) ?? '') };
}

/** `kind: detail (outcome)` of each problem. */
async function problems(room: Room, request: Partial<CheckRequest> = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const { problem } of room.images.check({ quick: false, repair: false, discard: false, ...request })) {
    if (problem) found.push(`${problem.kind}: ${problem.detail} (${problem.outcome})`);
  }
  return found;
}

type Pulled = Awaited<ReturnType<typeof pulled>>;

test('an artifact that is whole is no damage, and quickly so', async () => {
  const { room } = await pulled();
  await using _room = room;
  expect(await problems(room)).toEqual([]);
  expect(await problems(room, { quick: true })).toEqual([]);
});

test.each<[string, (one: Pulled) => void, RegExp]>([
  [
    'a flipped byte, of the blob and so of the file',
    ({ folder }) => flip(join(folder, 'model/weights')),
    /^blob-damaged: .*other bytes/,
  ],
  [
    'a file that is missing',
    ({ folder }) => fs.rmSync(join(folder, 'card.json')),
    /^layer-damaged: card.json is missing/,
  ],
  [
    'a file of its own with other bytes',
    ({ folder }) => replace(join(folder, 'card.json')),
    /^layer-damaged: card.json has other contents/,
  ],
  [
    'a file that nobody knows',
    ({ folder }) => fs.writeFileSync(join(folder, 'model/extra'), ''),
    /^layer-damaged: model\/extra is too much/,
  ],
  [
    'another mode',
    ({ folder }) => fs.chmodSync(join(folder, 'card.json'), 0o600),
    /^layer-damaged: card.json is not a file of root/,
  ],
  ['a blob that is missing', ({ blob }) => fs.rmSync(blob(1)), /^blob-missing/],
  ['a folder that is missing', ({ folder }) => fs.rmSync(folder, { recursive: true }), /^layer-missing/],
])('%s is found, named, and mended by a pull of what is bad', async (_what, damage, named) => {
  const one = await pulled();
  await using room = one.room;
  damage(one);
  expect((await problems(room)).join('\n')).toMatch(named);
  expect((await problems(room, { repair: true })).join('\n')).toMatch(/\(repaired\)/);
  expect(await problems(room)).toEqual([]);
  expect(fs.readFileSync(join(one.folder, 'model/weights')).equals(weights)).toBe(true);
  expect(room.images.list().map(({ id }) => id)).toEqual([one.image.id]);
});

function flip(file: string): void {
  const bytes = fs.readFileSync(file);
  bytes[5000] = (bytes[5000] ?? 0) ^ 1;
  fs.writeFileSync(file, bytes);
}

/** Another inode: the blob stays as it is. */
function replace(file: string): void {
  fs.rmSync(file);
  fs.writeFileSync(file, '{"a":2}');
}
