import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { SizeDecoder, terminalSizes } from '../../../src/streaming/remote-command/terminal-sizes';

const read = (text: string) => new SizeDecoder().read(Buffer.from(text));
const size = (width: number, height: number) => ({ width, height });

describe('sizes of a terminal', () => {
  test('come one after the other, with anything white between them, in pieces of any length', () => {
    const text = '{"Width":80,"Height":24}{"Height":50,"Width":132}\n { "Width": 1,\n"Height":65535 }';
    const sizes = [size(80, 24), size(132, 50), size(1, 65535)];
    expect(read(text)).toEqual(sizes);
    const decoder = new SizeDecoder();
    expect([...Buffer.from(text)].flatMap((byte) => decoder.read(Buffer.of(byte)))).toEqual(sizes);
  });

  test.each([
    '{}',
    '{"Width":80}',
    '{"Width":0,"Height":24}',
    '{"Width":80,"Height":65536}',
    '{"Width":-1,"Height":24}',
    '{"Width":8.5,"Height":24}',
    '{"Width":"80","Height":"24"}',
    '{"Width":1e999,"Height":24}',
    '[80,24]}',
    'stty rows 24}',
    '}}}}',
    '\0\xff{\x80}',
    `{${' '.repeat(300)}"Width":80,"Height":24}`,
  ])('%j is none, and the next one counts', (text) => {
    expect(read(`${text}{"Width":80,"Height":24}`)).toEqual([size(80, 24)]);
  });

  test('what never ends is not kept, and the next one counts', () => {
    const decoder = new SizeDecoder();
    for (let i = 0; i < 1000; i++) expect(decoder.read(Buffer.alloc(64 * 1024, '{'))).toEqual([]);
    expect(JSON.stringify(decoder).length).toBeLessThan(400);
    expect(decoder.read(Buffer.from('}{"Width":80,"Height":24}'))).toEqual([size(80, 24)]);
  });

  test('a reader that is slow gets the newest, and the end', async () => {
    const input = new PassThrough();
    const sizes = terminalSizes(input)[Symbol.asyncIterator]();
    const first = sizes.next();
    input.write('{"Width":80,"Height":24}');
    expect(await first).toEqual({ done: false, value: size(80, 24) });
    for (let width = 1; width <= 100; width++) input.write(`{"Width":${width},"Height":1}`);
    input.end();
    await once(input, 'close');
    expect(await sizes.next()).toEqual({ done: false, value: size(100, 1) });
    expect(await sizes.next()).toEqual({ done: true, value: undefined });
  });

  test('the end of the stream, or its breaking off, is the end of the sizes', async () => {
    const input = new PassThrough();
    const waiting = terminalSizes(input)[Symbol.asyncIterator]().next();
    input.destroy();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });
});
