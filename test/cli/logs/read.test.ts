import { appendFile, mkdtemp, open, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { LogPrinter, readLog } from '../../../src/cli/logs';
import { type LogRecord, RecordSplitter, parseRecord } from '../../../src/cli/logs/record';
import { tailOffset } from '../../../src/cli/logs/tail';
import { until } from '../../support/until';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-logs-'));
  path = join(folder, '0.log');
});
afterEach(() => rm(folder, { recursive: true }));

const time = '2024-05-06T07:08:09.123456789Z';
const line = (text: string, tag = 'F', stream = 'stdout') => `${time} ${stream} ${tag} ${text}\n`;

async function all(tail?: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const record of readLog({ path, tail, until: undefined })) texts.push(record.text.toString());
  return texts;
}

/** Follows in the background; `end` says that the container has ended. */
function follow() {
  const texts: string[] = [];
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const done = (async () => {
    for await (const record of readLog({ path, tail: undefined, until: ended })) texts.push(record.text.toString());
  })();
  return { texts, end, done };
}

describe('records', () => {
  test.each([
    [`${time} stdout F hello world`, { time, stream: 'stdout', partial: false, text: Buffer.from('hello world') }],
    [`${time} stderr P  two spaces`, { time, stream: 'stderr', partial: true, text: Buffer.from(' two spaces') }],
    [`${time} stdout F `, { time, stream: 'stdout', partial: false, text: Buffer.alloc(0) }],
    [`${time} stdout F:other tag`, { time, stream: 'stdout', partial: false, text: Buffer.from('tag') }],
    ['not in the format', { time: '', stream: 'stdout', partial: false, text: Buffer.from('not in the format') }],
  ])('%j', (text, record) => {
    expect(parseRecord(Buffer.from(text))).toEqual(record);
  });

  test('bytes that are no UTF-8 stay as they are', () => {
    const text = Buffer.from([0xff, 0x00, 0xc3]);
    expect(parseRecord(Buffer.concat([Buffer.from(`${time} stdout F `), text])).text).toEqual(text);
  });

  test.each([1, 7, 60, 10_000])('come whole from pieces of %i bytes', (size) => {
    const bytes = Buffer.from(line('one') + line('two', 'P') + line('') + 'cut off');
    const splitter = new RecordSplitter();
    const records: LogRecord[] = [];
    for (let at = 0; at < bytes.length; at += size) records.push(...splitter.push(bytes.subarray(at, at + size)));
    records.push(...splitter.flush());
    expect(records.map(({ text }) => text.toString())).toEqual(['one', 'two', '', 'cut off']);
  });
});

describe('printing', () => {
  test('joins parts, keeps the streams apart, and puts the time before lines', async () => {
    for (const [timestamps, expected] of [
      [false, ['ab\nc\n', 'x\n']],
      [true, [`${time} ab\n${time} c\n`, `${time} x\n`]],
    ] as const) {
      const stdout = new PassThrough();
      const stderr = new PassThrough();
      const printer = new LogPrinter({ stdout, stderr }, timestamps);
      for (const text of [line('a', 'P'), line('x', 'F', 'stderr'), line('b'), line('c')]) {
        await printer.print(parseRecord(Buffer.from(text.slice(0, -1))));
      }
      stdout.end();
      stderr.end();
      expect([String(await buffer(stdout)), String(await buffer(stderr))]).toEqual(expected);
    }
  });
});

describe('tail', () => {
  test.each([
    [0, []],
    [1, ['d2', 'd']],
    [2, ['c', 'd2', 'd']],
    [3, ['b1', 'b2', 'b', 'c', 'd2', 'd']],
    [4, ['a', 'b1', 'b2', 'b', 'c', 'd2', 'd']],
    [9, ['a', 'b1', 'b2', 'b', 'c', 'd2', 'd']],
  ])('of %i lines has whole lines, however many parts they have', async (count, texts) => {
    await writeFile(
      path,
      line('a') + line('b1', 'P') + line('b2', 'P') + line('b') + line('c') + line('d2', 'P') + line('d'),
    );
    expect(await all(count)).toEqual(texts);
  });

  test('finds its place in a file of many blocks, and counts a line that is still being written', async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => line(`line ${index}`));
    await writeFile(path, lines.join('') + line('unfinished', 'P'));
    expect(await all(3)).toEqual(['line 19998', 'line 19999', 'unfinished']);
    const file = await open(path);
    expect(await tailOffset(file, 20_001)).toBe(0);
    expect(await tailOffset(file, 20_000)).toBe(Buffer.byteLength(lines[0] ?? ''));
    await file.close();
  });

  test('of an empty file is empty', async () => {
    await writeFile(path, '');
    expect(await all(5)).toEqual([]);
  });
});

describe('following', () => {
  test('gives what is written until the end, and everything written before it', async () => {
    await writeFile(path, line('old'));
    const { texts, end, done } = follow();
    await until(() => texts.length === 1);
    await appendFile(path, line('new'));
    await until(() => texts.length === 2);
    await appendFile(path, line('last'));
    end();
    await done;
    expect(texts).toEqual(['old', 'new', 'last']);
  });

  test('goes on in the new file after a rotation, and loses nothing of the old', async () => {
    await writeFile(path, line('1'));
    const { texts, end, done } = follow();
    await until(() => texts.length === 1);
    await rename(path, `${path}.1`);
    await appendFile(`${path}.1`, line('2: behind the rename'));
    await until(() => texts.length === 2);
    await writeFile(path, line('3: in the new file'));
    await until(() => texts.length === 3);
    await rename(path, `${path}.2`);
    await appendFile(`${path}.2`, line('4'));
    await writeFile(path, line('5'));
    end();
    await done;
    expect(texts).toEqual(['1', '2: behind the rename', '3: in the new file', '4', '5']);
  });

  test('starts over in a file that was cut', async () => {
    await writeFile(path, line('a long line that is there at first'));
    const { texts, end, done } = follow();
    await until(() => texts.length === 1);
    await truncate(path);
    await appendFile(path, line('new'));
    await until(() => texts.length === 2);
    end();
    await done;
    expect(texts[1]).toBe('new');
  });

  test('waits for a log that is not there yet, and ends without one', async () => {
    const { texts, end, done } = follow();
    await writeFile(path, line('first'));
    await until(() => texts.length === 1);
    end();
    await done;
    await rm(path);
    const none = follow();
    none.end();
    await none.done;
    expect(none.texts).toEqual([]);
  });
});

test('a log that is not there is an error that says so', async () => {
  await expect(all()).rejects.toThrow(/0\.log is not there/);
  path = join(folder, 'gone', '0.log');
  await expect(all()).rejects.toThrow(/is not there/);
});
