import {
  type Frame,
  FrameReader,
  dataHeader,
  goaway,
  maxControlBytes,
  ping,
  rstStream,
  synReply,
  synStream,
} from '../../../src/streaming/spdy/frames';

function readAll(bytes: Buffer, pieceBytes: number): Frame[] {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes)
    frames.push(...reader.read(bytes.subarray(at, at + pieceBytes)));
  return frames;
}

/** Data comes in as many pieces as the socket gave: joined, they must be what was sent. */
function joinData(frames: Frame[]): Frame[] {
  const joined: Frame[] = [];
  for (const frame of frames) {
    const last = joined.at(-1);
    if (frame.kind === 'data' && last?.kind === 'data' && last.streamId === frame.streamId && !last.fin) {
      joined[joined.length - 1] = { ...frame, payload: Buffer.concat([last.payload, frame.payload]) };
    } else joined.push(frame);
  }
  return joined;
}

const block = Buffer.from('a compressed block');
const wire = Buffer.concat([
  synStream(1, block),
  synReply(1, block),
  dataHeader(1, 5, false),
  Buffer.from('hello'),
  ping(7),
  dataHeader(1, 3, true),
  Buffer.from('end'),
  dataHeader(3, 0, true),
  rstStream(5, 3),
  goaway(9, 1),
]);

test.each([1, 2, 7, 8, 9, 13, 1000])('frames are the same in pieces of %i bytes', (pieceBytes) => {
  expect(joinData(readAll(wire, pieceBytes))).toEqual([
    { kind: 'syn-stream', streamId: 1, fin: false, unidirectional: false, block },
    { kind: 'syn-reply', streamId: 1, fin: false, block },
    { kind: 'data', streamId: 1, fin: false, payload: Buffer.from('hello') },
    { kind: 'ping', id: 7 },
    { kind: 'data', streamId: 1, fin: true, payload: Buffer.from('end') },
    { kind: 'data', streamId: 3, fin: true, payload: Buffer.alloc(0) },
    { kind: 'reset', streamId: 5, status: 3 },
    { kind: 'goaway', status: 1 },
  ]);
});

test('control frames are laid out as SPDY/3.1 says', () => {
  expect(ping(0x01020304).toString('hex')).toBe('80030006' + '00000004' + '01020304');
  expect(rstStream(5, 3).toString('hex')).toBe('80030003' + '00000008' + '00000005' + '00000003');
  expect(synStream(1, Buffer.from('ff', 'hex')).toString('hex')).toBe(
    '80030001' + '0000000b' + '0000000100000000' + '0000' + 'ff',
  );
  expect(dataHeader(7, 0x010203, true).toString('hex')).toBe('00000007' + '01010203');
});

test('settings, windows and unknown control frames are passed over', () => {
  const unknown = (type: number) => Buffer.from([0x80, 3, 0, type, 0, 0, 0, 2, 1, 2]);
  const frames = readAll(Buffer.concat([unknown(4), unknown(9), unknown(200), ping(1)]), 5);
  expect(frames.map(({ kind }) => kind)).toEqual(['ignored', 'ignored', 'ignored', 'ping']);
});

test.each([
  ['another version', Buffer.from('8002000600000004' + '00000001', 'hex'), /version 2/],
  ['a frame too short for its type', Buffer.from('8003000100000001' + '00', 'hex'), /too short/],
  ['data for stream 0', dataHeader(0, 1, false), /stream 0/],
  ['a control frame beyond the limit', dataLikeControl(maxControlBytes + 1), /control frame of 16385 bytes/],
])('%s is a protocol error', (_, bytes, message) => {
  expect(() => readAll(bytes, 1000)).toThrow(message);
});

function dataLikeControl(length: number): Buffer {
  const head = Buffer.from('8003000100000000', 'hex');
  head.writeUIntBE(length, 5, 3);
  return head;
}

test('a huge data frame is handed on piece by piece, never held', () => {
  const reader = new FrameReader();
  expect([...reader.read(dataHeader(1, 16 * 1024 * 1024 - 1, true))]).toEqual([]);
  const [first, ...more] = reader.read(Buffer.alloc(1000));
  expect(more).toEqual([]);
  expect(first).toMatchObject({ kind: 'data', fin: false, payload: { length: 1000 } });
});

test('a control frame that comes byte by byte is put together in memory of its own size', () => {
  const reader = new FrameReader();
  const frame = synStream(1, Buffer.alloc(maxControlBytes - 10, 7));
  // Each byte in a chunk of its own that is large behind it: none of them may be kept.
  const frames: Frame[] = [];
  for (const byte of frame) frames.push(...reader.read(Buffer.alloc(1, byte)));
  expect(frames).toEqual([
    expect.objectContaining({ kind: 'syn-stream', block: Buffer.alloc(maxControlBytes - 10, 7) }),
  ]);
});
