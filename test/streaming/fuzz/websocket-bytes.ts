import { mutate } from './mutate';
import type { Random } from './random';

/** What a client could send on a WebSocket connection: frames that are right, wrong and half, or a damaged run of them. */
export function websocketBytes(random: Random): Buffer {
  const parts: Buffer[] = [];
  for (let left = random.length(60); left > 0; left--) parts.push(anyFrame(random));
  const bytes = Buffer.concat(parts);
  return random.chance(0.4) ? mutate(bytes, random) : bytes;
}

/** Bytes of another protocol in binary messages that are cut anywhere. */
export function inMessages(bytes: Buffer, random: Random): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const piece = bytes.subarray(at, at + 1 + random.length(30_000));
    at += piece.length;
    frames.push(frame(random, opcode.binary, piece));
    if (random.chance(0.02)) frames.push(anyFrame(random));
  }
  return Buffer.concat(frames);
}

const opcode = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

function anyFrame(random: Random): Buffer {
  switch (random.below(14)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return frame(random, opcode.binary, channel(random, Buffer.alloc(random.length(100_000), 'fuzz ')));
    case 4:
      return frame(
        random,
        opcode.text,
        Buffer.from(random.pick(['0aGVsbG8=', '0!!!!', '4e30=', '', '9', '0']), 'latin1'),
      );
    case 5:
      return Buffer.concat(Array<Buffer>(1 + random.length(2000)).fill(frame(random, opcode.ping, Buffer.from('p'))));
    case 6:
      return frame(random, random.pick([opcode.ping, opcode.pong, opcode.close]), random.bytes(random.below(200)));
    case 7:
      return random.chance(0.2)
        ? frame(random, opcode.close, closeBody(random))
        : frame(random, opcode.pong, Buffer.alloc(0));
    case 8:
      return frame(random, opcode.binary, Buffer.from([255, random.below(7)]));
    case 9:
      return frame(random, opcode.binary, channel(random, resize(random), 4));
    case 10:
      return fragments(random);
    case 11:
      return frame(random, opcode.binary, Buffer.from([random.below(6), random.below(256), random.below(256)]));
    case 12:
      return random.chance(0.3) ? lying(random) : frame(random, opcode.binary, Buffer.alloc(0));
    default:
      return random.chance(0.2)
        ? random.bytes(random.length(300))
        : frame(random, random.below(16), random.bytes(random.length(300)));
  }
}

/** A frame with its mask, which a client's must have; now and then without it, or with bits that mean nothing. */
function frame(random: Random, code: number, payload: Buffer, final = true): Buffer {
  const masked = random.chance(0.98);
  const reserved = random.chance(0.02) ? 1 << (4 + random.below(3)) : 0;
  const mask = random.bytes(4);
  const body = masked ? Buffer.from(payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0))) : payload;
  const first = (final ? 0x80 : 0) | reserved | code;
  return Buffer.concat([Buffer.from([first]), lengthOf(payload.length, masked), masked ? mask : Buffer.alloc(0), body]);
}

function lengthOf(length: number, masked: boolean): Buffer {
  const bit = masked ? 0x80 : 0;
  if (length < 126) return Buffer.from([bit | length]);
  if (length < 65_536) return Buffer.from([bit | 126, length >> 8, length & 0xff]);
  const bytes = Buffer.alloc(9);
  bytes.writeUInt8(bit | 127);
  bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}

function channel(random: Random, data: Buffer, usual = 0): Buffer {
  return Buffer.concat([Buffer.from([random.chance(0.8) ? usual : random.below(256)]), data]);
}

function resize(random: Random): Buffer {
  return Buffer.from(
    random.pick(['{"Width":80,"Height":24}', '{"Width":-1,"Height":70000}', '{', '[]', 'null', '{'.repeat(5000)]),
  );
}

function closeBody(random: Random): Buffer {
  const code = Buffer.alloc(2);
  code.writeUInt16BE(random.pick([1000, 1001, 1002, 1005, 1006, 1011, 3000, 0, 65_535]));
  return random.chance(0.8) ? Buffer.concat([code, Buffer.from('bye')]) : Buffer.from([3]);
}

/** A message in pieces, perhaps with no end. */
function fragments(random: Random): Buffer {
  const pieces = [frame(random, opcode.binary, channel(random, random.bytes(10)), false)];
  for (let left = random.length(200); left > 0; left--) pieces.push(frame(random, opcode.more, random.bytes(5), false));
  if (random.chance(0.7)) pieces.push(frame(random, opcode.more, Buffer.alloc(0)));
  return Buffer.concat(pieces);
}

/** The header of a message that is larger than any should be, and a little of it. */
function lying(random: Random): Buffer {
  const head = Buffer.alloc(14);
  head.writeUInt8(0x82);
  head.writeUInt8(0xff, 1);
  head.writeBigUInt64BE(random.pick([1n << 63n, 1n << 40n, 1n << 27n, 70_000n]), 2);
  return Buffer.concat([head, random.bytes(random.length(1000))]);
}
