import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLog, Replay } from '../../e2e/support/power-loss/log';
import { markText, parseMark, promisedBy, type Mark } from '../../e2e/support/power-loss/marks';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'berth-power-loss-'))));
afterEach(() => rmSync(dir, { recursive: true }));

const sector = 512;
const [flush, fua, discard, mark] = [1, 2, 4, 8];

/** A log as dm-log-writes makes it: a sector for each entry, and what it wrote behind it. */
function writeLog(
  entries: readonly { at?: number; fill?: string; sectors?: number; flag?: number; text?: string }[],
): string {
  const numbers = (...values: number[]) => {
    const bytes = Buffer.alloc(sector);
    values.forEach((value, index) => bytes.writeBigUInt64LE(BigInt(value), index * 8));
    return bytes;
  };
  const head = numbers(0, 1, entries.length);
  head.writeBigUInt64LE(0x6a736677736872n, 0);
  head.writeUInt32LE(sector, 24);
  const parts = entries.map(({ at = 0, fill = '', sectors = 0, flag = 0, text = '' }) => {
    const entry = numbers(at, sectors, flag, text.length);
    entry.write(text, 32);
    return Buffer.concat([entry, Buffer.alloc(fill === '' ? 0 : sectors * sector, fill)]);
  });
  const path = join(dir, 'writes.log');
  writeFileSync(path, Buffer.concat([head, ...parts]));
  return path;
}

test('a disk is made again as far as is asked, discards too', async () => {
  const log = writeLog([
    { at: 1, sectors: 2, fill: 'a' },
    { flag: mark, text: 'between' },
    { at: 2, sectors: 1, fill: 'b', flag: fua },
    { flag: flush },
    { at: 1, sectors: 1, flag: discard },
  ]);
  const entries = await readLog(log);
  expect(entries.map(({ kind, durable, text }) => [kind, durable, text])).toEqual([
    ['write', false, ''],
    ['mark', false, 'between'],
    ['write', true, ''],
    ['write', true, ''],
    ['discard', false, ''],
  ]);
  const disk = join(dir, 'disk');
  await using replay = await Replay.open(entries, log, disk, 4 * sector);
  const sectors = () => [0, 1, 2, 3].map((at) => readFileSync(disk).toString('latin1', at * sector, at * sector + 1));
  await replay.upTo(2);
  expect(sectors()).toEqual(['\0', 'a', 'a', '\0']);
  await replay.upTo(4);
  expect(sectors()).toEqual(['\0', 'a', 'b', '\0']);
  await replay.upTo(5);
  expect(sectors()).toEqual(['\0', '\0', 'b', '\0']);
});

const marks = (text: string): Mark[] =>
  text.split('; ').map((each) => {
    const [when, what, id = '', name = ''] = each.split(' ');
    return { when: when as Mark['when'], what: what as Mark['what'], id, name };
  });

test.each([
  ['begin pull a x', [], []],
  ['begin pull a x; done pull a x', ['a'], [['x', 'a']]],
  ['begin pull a x; failed pull a x', [], []],
  ['begin pull a x; done pull a x; begin remove a x', [], []],
  ['begin remove a x; begin pull a x; done pull a x; done remove a x', [], []],
  ['begin remove a x; failed remove a x; begin pull a x; done pull a x', ['a'], [['x', 'a']]],
  ['begin pull a x; done pull a x; begin pull b x', ['a'], []],
  ['begin pull a x; done pull a x; begin pull b x; done pull b x', ['a', 'b'], [['x', 'b']]],
  ['begin pull a x; done pull a x; begin pull a x', ['a'], [['x', 'a']]],
])('after "%s" there have to be %j', (text, images, names) => {
  const promised = promisedBy(marks(text));
  expect([[...promised.images].sort(), [...promised.names]]).toEqual([images, names]);
});

test('a mark is read as it was written, and the kernel has its own', () => {
  const [one] = marks('done pull sha256:00 registry.e2e.test/a:1');
  expect(parseMark(markText(one!))).toEqual(one);
  expect(parseMark('dm-log-writes-end')).toBeUndefined();
});
