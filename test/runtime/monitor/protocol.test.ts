import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { decodeExitFile } from '../../../src/runtime/monitor/exit-record';
import { encodeFrame, FrameReader, type Frame } from '../../../src/runtime/monitor/frames';
import {
  decodeError,
  decodeExit,
  decodeLog,
  decodeOom,
  decodeReopened,
  decodeSignaled,
  decodeState,
  decodeWelcome,
  encodeAttach,
  encodeExec,
  encodeHello,
  encodeResize,
  encodeSignal,
  encodeSubscribe,
  errorCode,
  frameType,
  role,
} from '../../../src/runtime/monitor/protocol';
import { WireError } from '../../../src/base';

/** The lines of the vectors: kind, name, bytes. conmon/tests/monitor-codec.c reads the same file. */
const vectors = readFileSync(resolve(__dirname, '../../../conmon/tests/vectors/monitor-protocol.txt'), 'utf8')
  .split('\n')
  .filter((line) => line && !line.startsWith('#'))
  .map((line) => line.split(' '))
  .map(([kind = '', name = '', hex = '']) => ({ kind, name, bytes: Buffer.from(hex, 'hex') }));
const named = (kind: string) =>
  vectors.filter((vector) => vector.kind === kind).map(({ name, bytes }) => [name, bytes] as const);

const client: Record<string, Buffer> = {
  'hello-control': encodeFrame(frameType.hello, 1, encodeHello(role.control)),
  'hello-exec': encodeFrame(frameType.hello, 1, encodeHello(role.exec)),
  start: encodeFrame(frameType.start, 2),
  'signal-15': encodeFrame(frameType.signal, 3, encodeSignal(15)),
  'resize-101x33': encodeFrame(frameType.resize, 4, encodeResize(101, 33)),
  reopen: encodeFrame(frameType.reopen, 5),
  release: encodeFrame(frameType.release, 0xfffffffe),
  'exec-cat': encodeFrame(
    frameType.exec,
    2,
    encodeExec({ process: { args: ['cat'] }, stdin: true, tty: false, timeoutMs: 1500, outputCap: 16 * 1024 ** 2 }),
  ),
  'stdin-abc': encodeFrame(frameType.stdin, 2, Buffer.from('abc')),
  'stdin-eof': encodeFrame(frameType.stdinEof, 2),
  'hello-attach': encodeFrame(frameType.hello, 1, encodeHello(role.attach)),
  'hello-events': encodeFrame(frameType.hello, 1, encodeHello(role.events)),
  'attach-all': encodeFrame(frameType.attach, 2, encodeAttach({ stdin: true, stdout: true, stderr: true })),
  'attach-output': encodeFrame(frameType.attach, 2, encodeAttach({ stdin: false, stdout: true, stderr: true })),
  'subscribe-all': encodeFrame(frameType.subscribe, 2, encodeSubscribe(['state', 'oom', 'log'])),
  'subscribe-oom': encodeFrame(frameType.subscribe, 2, encodeSubscribe(['oom'])),
};

const record = {
  status: { kind: 'exited', code: 7 },
  startedAt: 1700000000123456789n,
  finishedAt: 1700000001000000002n,
  oom: 'counted',
  bytesLogged: 4096n,
  bytesDropped: 17n,
};
const unknownRecord = {
  status: { kind: 'unknown', reason: 'init was no child of its monitor' },
  startedAt: 0n,
  finishedAt: 1700000001000000002n,
  oom: 'no',
  bytesLogged: 0n,
  bytesDropped: 0n,
};
const notStartedRecord = {
  ...unknownRecord,
  status: { kind: 'not-started', reason: 'it could not be restored from its checkpoint' },
};
const init = { pid: 4712, startTime: 987654321n };

const logEvent = (change: string, dropped: bigint) => ({
  type: frameType.log,
  tag: 0,
  value: { kind: 'log', change, inode: 1234567890123n, size: 13n, dropped },
  decode: decodeLog,
});

const monitor: Record<string, { type: number; tag: number; value: unknown; decode: (payload: Buffer) => unknown }> = {
  'welcome-creating': {
    type: frameType.welcome,
    tag: 1,
    value: { version: 1, role: 1, tty: true, monitorPid: 4711, id: 'c0ffee', state: { kind: 'creating' } },
    decode: decodeWelcome,
  },
  'error-runtime': {
    type: frameType.error,
    tag: 2,
    value: { code: 11, message: 'no such file: été' },
    decode: decodeError,
  },
  ok: { type: frameType.ok, tag: 2, value: '', decode: String },
  'signaled-yes': { type: frameType.signaled, tag: 3, value: true, decode: decodeSignaled },
  reopened: { type: frameType.reopened, tag: 5, value: { inode: 1234567890123n, size: 13n }, decode: decodeReopened },
  'state-created': { type: frameType.state, tag: 0, value: { kind: 'created', init }, decode: decodeState },
  'state-running': {
    type: frameType.state,
    tag: 0,
    value: { kind: 'running', init, startedAt: 1700000000123456789n },
    decode: decodeState,
  },
  'state-exited': { type: frameType.state, tag: 0, value: { kind: 'exited', record }, decode: decodeState },
  'state-unknown': {
    type: frameType.state,
    tag: 0,
    value: { kind: 'exited', record: unknownRecord },
    decode: decodeState,
  },
  'state-awaiting': {
    type: frameType.state,
    tag: 0,
    value: { kind: 'created', init: undefined },
    decode: decodeState,
  },
  'state-not-started': {
    type: frameType.state,
    tag: 0,
    value: { kind: 'exited', record: notStartedRecord },
    decode: decodeState,
  },
  'state-inferred': {
    type: frameType.state,
    tag: 0,
    value: { kind: 'exited', record: { ...record, status: { kind: 'signaled', signal: 9 }, oom: 'inferred' } },
    decode: decodeState,
  },
  'error-slow': {
    type: frameType.error,
    tag: 2,
    value: { code: errorCode.slow, message: 'this client does not read fast enough' },
    decode: decodeError,
  },
  'oom-3': {
    type: frameType.oom,
    tag: 0,
    value: { kind: 'oom', count: 3n, at: 1700000000123456789n },
    decode: decodeOom,
  },
  'log-loses': logEvent('loses', 0n),
  'log-writes': logEvent('writes', 1000n),
  'log-anew': logEvent('opened-anew', 2000n),
  'log-rotated': logEvent('rotated', 3000n),
  'state-failed': {
    type: frameType.state,
    tag: 0,
    value: { kind: 'failed', message: 'exec: "x": not found' },
    decode: decodeState,
  },
  started: { type: frameType.started, tag: 2, value: 4713, decode: (payload) => payload.readUInt32LE() },
  'stdout-hi': { type: frameType.stdout, tag: 2, value: 'hi\n', decode: String },
  'stderr-hi': { type: frameType.stderr, tag: 2, value: 'hi\n', decode: String },
  'exit-7': {
    type: frameType.exit,
    tag: 2,
    value: { status: { kind: 'exited', code: 7 }, timedOut: false, truncated: false },
    decode: decodeExit,
  },
  'exit-killed': {
    type: frameType.exit,
    tag: 2,
    value: { status: { kind: 'signaled', signal: 9 }, timedOut: true, truncated: true },
    decode: decodeExit,
  },
};

describe('the test vectors', () => {
  test('name the same frames as this file', () => {
    expect(
      named('client')
        .map(([name]) => name)
        .sort(),
    ).toEqual(Object.keys(client).sort());
    expect(
      named('monitor')
        .map(([name]) => name)
        .sort(),
    ).toEqual(Object.keys(monitor).sort());
  });

  test.each(named('client'))('client %s is encoded so', (name, bytes) => {
    expect(client[name]?.toString('hex')).toBe(bytes.toString('hex'));
  });

  test.each(named('monitor'))('monitor %s is decoded so, whatever its pieces', (name, bytes) => {
    const expected = monitor[name];
    for (const size of [1, 5, 13, bytes.length]) {
      const reader = new FrameReader();
      const frames: Frame[] = [];
      for (let at = 0; at < bytes.length; at += size) frames.push(...reader.push(bytes.subarray(at, at + size)));
      expect(frames.map(({ type, tag }) => ({ type, tag }))).toEqual([{ type: expected?.type, tag: expected?.tag }]);
      expect(expected?.decode(frames[0]?.payload ?? Buffer.alloc(0))).toEqual(expected?.value);
    }
  });

  test.each(named('monitor').filter(([name]) => !/^(ok|started|std)/.test(name)))(
    'monitor %s that is cut short or too long is refused',
    (name, bytes) => {
      const payload = bytes.subarray(12);
      for (let size = 0; size < payload.length; size++) {
        expect(() => monitor[name]?.decode(payload.subarray(0, size))).toThrow(WireError);
      }
      expect(() => monitor[name]?.decode(Buffer.concat([payload, Buffer.of(0)]))).toThrow(WireError);
    },
  );

  test('the exit record is read, and nothing less than the whole of it', () => {
    const [[, bytes] = ['', Buffer.alloc(0)]] = named('record');
    const file = Buffer.concat([bytes, Buffer.alloc(512 - bytes.length)]);
    expect(decodeExitFile(file)).toEqual(record);
    const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
    for (let cut = 0; cut < end; cut++) {
      const torn = Buffer.alloc(512);
      bytes.copy(torn, 0, 0, cut);
      expect(decodeExitFile(torn)).toBeUndefined();
      expect(decodeExitFile(bytes.subarray(0, cut))).toBeUndefined();
    }
  });
});

describe('FrameReader', () => {
  test('gives every frame of a chunk', () => {
    const frames = [
      ...new FrameReader().push(
        Buffer.concat([client['start'], client['signal-15'], client['reopen']].map((b) => b ?? Buffer.alloc(0))),
      ),
    ];
    expect(frames.map(({ type, tag }) => [type, tag])).toEqual([
      [frameType.start, 2],
      [frameType.signal, 3],
      [frameType.reopen, 5],
    ]);
  });

  test('hands output on in the pieces that it comes in, and nothing else', () => {
    const output = new Set<number>([frameType.stdout]);
    const frames = [
      encodeFrame(frameType.stdout, 2, Buffer.from('abcdefgh')),
      encodeFrame(frameType.stdout, 2),
      encodeFrame(frameType.exit, 2, Buffer.from('the end')),
    ];
    const bytes = Buffer.concat(frames);
    for (const size of [1, 5, 13, 21, bytes.length]) {
      const reader = new FrameReader(output);
      const got: Frame[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        got.push(...reader.push(bytes.subarray(at, at + size)));
      }
      const told = got.filter(({ type }) => type === frameType.stdout).map(({ payload }) => payload);
      expect([Buffer.concat(told).toString(), told.at(-1)?.length]).toEqual(['abcdefgh', 0]);
      if (size === 1) expect(told).toHaveLength(9);
      expect(new Set(got.map(({ tag }) => tag))).toEqual(new Set([2]));
      expect(got.at(-1)?.payload.toString()).toBe('the end');
      expect(got.filter(({ type }) => type === frameType.exit)).toHaveLength(1);
    }
  });

  test('refuses what cannot be a frame', () => {
    expect(() => [...new FrameReader().push(Buffer.alloc(12, 0xff))]).toThrow(WireError);
    expect(() => [...new FrameReader().push(Buffer.from('HTTP/1.1 400 Bad'))]).toThrow(WireError);
  });
});
