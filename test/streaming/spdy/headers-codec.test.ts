import { constants, createDeflate } from 'node:zlib';
import { spdyDictionary } from '../../../src/streaming/spdy/dictionary';
import { HeadersDecoder, HeadersEncoder } from '../../../src/streaming/spdy/headers-codec';

function adler32(bytes: Buffer): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}

test('the dictionary is that of SPDY/3', () => {
  expect(spdyDictionary.length).toBe(1423);
  expect(adler32(spdyDictionary).toString(16)).toBe('e3c6a7c2');
});

describe('codec', () => {
  let encoder: HeadersEncoder;
  let decoder: HeadersDecoder;
  beforeEach(() => {
    encoder = new HeadersEncoder();
    decoder = new HeadersDecoder();
  });
  afterEach(() => {
    encoder.close();
    decoder.close();
  });

  test('blocks share one context and keep their order, however many are asked for at once', async () => {
    const blocks: Buffer[] = [];
    const sets = Array.from(
      { length: 40 },
      (_, index) =>
        new Map([
          ['streamtype', `stdout-${index}`],
          ['port', '8080'],
        ]),
    );
    await Promise.all(sets.map((headers) => encoder.encode(headers, (block) => void blocks.push(block))));
    const decoded = await Promise.all(blocks.map((block) => decoder.decode(block)));
    expect(decoded).toEqual(sets);
    // From the second on the words are in the window.
    expect(blocks[5]?.length).toBeLessThan(blocks[0]?.length ?? 0);
  });

  test('a large block comes whole', async () => {
    const headers = new Map([
      ['x', Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7919) % 64)).toString('base64')],
    ]);
    let block = Buffer.alloc(0);
    await encoder.encode(headers, (bytes) => {
      block = Buffer.from(bytes);
    });
    expect(await decoder.decode(block)).toEqual(headers);
  });

  test.each([
    ['a bomb', deflated(Buffer.alloc(50 * 1024 * 1024)), /more than 8192 bytes/],
    ['a block just beyond the limit', deflated(headerOf('a', 'x'.repeat(8192 - 4 - 4 - 1 - 4 + 1))), /more than 8192/],
    ['too many headers', deflated(Buffer.concat([word(65), ...manyHeaders(65)])), /65 headers/],
    ['no deflate stream', Promise.resolve(Buffer.from('not deflated at all')), /header block/],
    ['a count without headers', deflated(Buffer.from('00000003', 'hex')), /cut off/],
    ['a length beyond the block', deflated(Buffer.from('00000001' + 'ffffffff' + '61', 'hex')), /cut off/],
    [
      'a header that comes twice',
      deflated(Buffer.from('00000002' + '0000000161' + '00000000' + '0000000161' + '00000000', 'hex')),
      /twice/,
    ],
    ['an empty name', deflated(Buffer.from('00000001' + '00000000' + '00000000', 'hex')), /without a name/],
    ['bytes behind the end', deflated(Buffer.from('00000000' + '00', 'hex')), /behind the last/],
    ['an empty block', Promise.resolve(Buffer.alloc(0)), /cut off/],
  ])('%s is a protocol error, and no later block is accepted blindly', async (_, block, message) => {
    await expect(decoder.decode(await block)).rejects.toMatchObject({
      code: 'stream-protocol',
      message: expect.stringMatching(message) as string,
    });
  });

  test('a deflate stream that ends is an error of the next block, not a wait for it', async () => {
    const ended = await deflated(headerOf('a', 'b'), constants.Z_FINISH);
    expect(await decoder.decode(ended)).toEqual(new Map([['a', 'b']]));
    await expect(decoder.decode(ended)).rejects.toMatchObject({ code: 'stream-protocol' });
  });

  test('after the connection is closed nothing hangs', async () => {
    encoder.close();
    decoder.close();
    await expect(encoder.encode(new Map(), () => undefined)).rejects.toMatchObject({ code: 'stream-protocol' });
    await expect(decoder.decode(Buffer.from('00'))).rejects.toMatchObject({ code: 'stream-protocol' });
  });
});

async function deflated(bytes: Buffer, flush = constants.Z_SYNC_FLUSH): Promise<Buffer> {
  const deflate = createDeflate({ dictionary: spdyDictionary });
  const chunks: Buffer[] = [];
  deflate.on('data', (chunk: Buffer) => void chunks.push(chunk));
  await new Promise<void>((resolve) => {
    deflate.write(bytes);
    deflate.flush(flush, resolve);
  });
  deflate.destroy();
  return Buffer.concat(chunks);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function pair(name: string, value: string): Buffer {
  return Buffer.concat([word(name.length), Buffer.from(name), word(value.length), Buffer.from(value)]);
}

function headerOf(name: string, value: string): Buffer {
  return Buffer.concat([word(1), pair(name, value)]);
}

function manyHeaders(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => pair(`h${index}`, ''));
}
