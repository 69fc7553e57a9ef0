import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { homeHierarchy, readHierarchies } from '../../src/kernel/hierarchies';
import { Decoder, Encoder } from '../../src/base';
import { encodeFrame, FrameReader } from '../../src/kernel/protocol/frames';
import { maxReply, Op, Status } from '../../src/kernel/protocol/ops';
import { Ground } from './support';

describe('the codec', () => {
  const encoded = new Encoder()
    .u8(1)
    .u16(0x1234)
    .u32(0xdeadbeef)
    .u64(2n ** 64n - 2n)
    .str('ä'.repeat(300))
    .bytes(Buffer.from([0, 1]))
    .list(['a', ''])
    .finish();

  test('gives back what was put', () => {
    const decoder = new Decoder(encoded);
    expect([decoder.u8(), decoder.u16(), decoder.u32(), decoder.u64()]).toEqual([
      1,
      0x1234,
      0xdeadbeef,
      2n ** 64n - 2n,
    ]);
    expect(decoder.str()).toBe('ä'.repeat(300));
    expect([...decoder.bytes()]).toEqual([0, 1]);
    expect([decoder.u32(), decoder.str(), decoder.str()]).toEqual([2, 'a', '']);
    decoder.end();
  });

  test('refuses what is cut short or left over', () => {
    expect(() => new Decoder(encoded.subarray(0, 10)).u64()).not.toThrow();
    const short = new Decoder(Buffer.from([255, 255, 255, 255, 1]));
    expect(() => short.bytes()).toThrow(RangeError);
    expect(() => new Decoder(Buffer.from([1])).end()).toThrow(RangeError);
    expect(() => new Decoder(Buffer.from([1, 0, 0, 0, 97, 98])).str()).toThrow(RangeError);
  });

  test('frames come out whole, however the bytes arrive', () => {
    const frames = [encodeFrame(1, Op.run, Buffer.from('abc')), encodeFrame(2, Op.lock, Buffer.alloc(0))];
    const reader = new FrameReader();
    const got = [...Buffer.concat(frames)].flatMap((byte) => reader.push(Buffer.from([byte])));
    expect(got.map(({ id, op, payload }) => [id, op, payload.toString()])).toEqual([
      [1, Op.run, 'abc'],
      [2, Op.lock, ''],
    ]);
    const huge = Buffer.alloc(12);
    huge.writeUInt32LE(maxReply + 1);
    expect(() => new FrameReader().push(huge)).toThrow(RangeError);
  });

  test('the numbers are those of the C side', () => {
    const header = readFileSync(resolve(__dirname, '../../conmon/launcher/protocol.h'), 'utf8');
    const numbers = (prefix: string) =>
      Object.fromEntries(
        [...header.matchAll(new RegExp(`\\b${prefix}_(\\w+) = (\\d+)`, 'g'))].map((m): [string, number] => [
          m[1] ?? '',
          Number(m[2]),
        ]),
      );
    const upper = (table: Record<string, number>) =>
      Object.fromEntries(Object.entries(table).map(([k, v]) => [k.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase(), v]));
    const renamed = Object.fromEntries(Object.entries(upper(Op)).map(([k, v]) => [k === 'SYNC_FS' ? 'SYNCFS' : k, v]));
    expect(numbers('OP')).toEqual(renamed);
    expect(numbers('STATUS')).toEqual(upper(Status));
  });
});

describe('a peer that breaks the protocol ends the launcher', () => {
  const ground = new Ground();
  let dir: string;
  beforeAll(async () => {
    dir = join(homeHierarchy(await readHierarchies())?.dir ?? '', ground.cgroupBase);
    mkdirSync(dir);
  });
  afterAll(async () => {
    rmdirSync(dir);
    await ground.dispose();
  });

  const oversized = Buffer.alloc(12, 0xff);
  test.each([
    ['a length beyond the bound', oversized, /at most 262144/],
    ['an operation that there is not', encodeFrame(1, 999, Buffer.alloc(0)), /operation 999/],
    ['a payload cut short', encodeFrame(1, Op.run, Buffer.from([200, 0, 0, 0])), /malformed/],
    [
      'a list longer than its payload',
      encodeFrame(
        1,
        Op.run,
        new Encoder()
          .str('x')
          .u32(1 << 30)
          .finish(),
      ),
      /malformed/,
    ],
    ['bytes left over', encodeFrame(1, Op.cancel, Buffer.alloc(5)), /malformed/],
  ])('%s', async (_, bytes, message) => {
    const child = spawn(ground.launcherPath, ['/nowhere', dir, dir], { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
    const exited = once(child, 'exit');
    const socket = child.stdio[3];
    if (!(socket instanceof Socket) || !child.stderr) throw new Error('no socket');
    socket.resume().write(bytes);
    expect(await text(child.stderr)).toMatch(message);
    expect(await exited).toEqual([4, null]);
  });

  test('without its descriptor it says who starts it', async () => {
    const child = spawn(ground.launcherPath, ['/nowhere', dir, dir], { stdio: ['ignore', 'ignore', 'pipe'] });
    const exited = once(child, 'exit');
    expect(await text(child.stderr)).toContain('berthd starts this program');
    expect(await exited).toEqual([3, null]);
  });
});
