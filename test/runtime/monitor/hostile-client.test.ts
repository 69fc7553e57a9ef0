import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { connectMonitor } from '../../../src/runtime';
import { encodeFrame, FrameReader, type Frame } from '../../../src/runtime/monitor/frames';
import { decodeError, encodeHello, frameType, role } from '../../../src/runtime/monitor/protocol';
import { processOf, Workspace } from '../support/bundle';
import { descriptors, TestContainer } from '../support/container';

let workspace: Workspace;
let container: TestContainer;
beforeAll(async () => {
  workspace = await Workspace.make();
  container = await TestContainer.start(workspace, { args: ['sleep', '100000'] });
});
afterAll(async () => {
  await container[Symbol.asyncDispose]();
  await workspace[Symbol.asyncDispose]();
});
afterEach(async () => {
  // Whatever was sent: the container runs, the monitor serves.
  const other = await connectMonitor(container.request.socketPath);
  expect(other.state.kind).toBe('running');
  other.close();
});

/** Sends the bytes and gives the frames that come until the monitor closes, or has been silent for so many milliseconds. */
async function answersTo(bytes: Buffer, silentMs = 0): Promise<readonly Frame[]> {
  const socket = createConnection({ path: container.request.socketPath });
  const reader = new FrameReader();
  const frames: Frame[] = [];
  const closed = new Promise((resolveClosed) => socket.once('close', resolveClosed));
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => frames.push(...reader.push(Buffer.from(chunk))));
  socket.setTimeout(silentMs, () => socket.destroy());
  socket.write(bytes);
  await closed;
  return frames;
}

const hello = {
  none: Buffer.alloc(0),
  control: encodeFrame(frameType.hello, 1, encodeHello(role.control)),
  exec: encodeFrame(frameType.hello, 1, encodeHello(role.exec)),
  attach: encodeFrame(frameType.hello, 1, encodeHello(role.attach)),
  events: encodeFrame(frameType.hello, 1, encodeHello(role.events)),
};
const attachFrame = encodeFrame(frameType.attach, 5, Buffer.of(7));
const bad = readFileSync(resolve(__dirname, '../../../conmon/tests/vectors/monitor-protocol.txt'), 'utf8')
  .split('\n')
  .map((line) => /^bad-(none|control|exec|attach|events) (\S+) (\S+)$/.exec(line))
  .filter((match) => match !== null)
  .map(([, as = '', name = '', hex = '']) => [as as keyof typeof hello, name, Buffer.from(hex, 'hex')] as const);

test.each(bad)('%s %s is answered with ERROR, and the end', async (as, _name, bytes) => {
  const last = (await answersTo(Buffer.concat([hello[as], bytes]))).at(-1);
  expect(last?.type).toBe(frameType.error);
  expect(decodeError(last?.payload ?? Buffer.alloc(0)).code).toBe(1);
});

test('another version, role or magic is refused by name', async () => {
  const greeting = (magic: number, version: number, as: number) => {
    const payload = Buffer.alloc(8);
    payload.writeUInt32LE(magic, 0);
    payload.writeUInt16LE(version, 4);
    payload.writeUInt8(as, 6);
    return encodeFrame(frameType.hello, 9, payload);
  };
  const code = async (bytes: Buffer) => {
    const [first] = await answersTo(bytes);
    expect(first?.tag).toBe(9);
    return decodeError(first?.payload ?? Buffer.alloc(0)).code;
  };
  expect(await code(greeting(0x4e4f4d43, 1, 1))).toBe(1);
  expect(await code(greeting(0x4e4f4d42, 2, 1))).toBe(2);
  expect(await code(greeting(0x4e4f4d42, 1, 0))).toBe(3);
  expect(await code(greeting(0x4e4f4d42, 1, 5))).toBe(3);
  expect(await code(greeting(0x4e4f4d42, 1, 200))).toBe(3);
});

test('payloads that do not fit are refused', async () => {
  for (const [as, type, payload] of [
    ['control', frameType.signal, Buffer.alloc(3)],
    ['control', frameType.signal, Buffer.alloc(5)],
    ['control', frameType.start, Buffer.alloc(1)],
    ['control', frameType.resize, Buffer.alloc(3)],
    ['attach', frameType.attach, Buffer.alloc(0)],
    ['attach', frameType.attach, Buffer.alloc(2)],
    ['attach', frameType.attach, Buffer.of(8)],
    ['events', frameType.subscribe, Buffer.alloc(3)],
    ['events', frameType.subscribe, Buffer.alloc(4)],
    ['events', frameType.subscribe, Buffer.of(8, 0, 0, 0)],
    ['events', frameType.subscribe, Buffer.of(1, 0, 0, 1)],
    ['exec', frameType.exec, Buffer.alloc(4)],
    ['exec', frameType.exec, Buffer.alloc(17)],
    ['exec', frameType.exec, Buffer.from('0000000000000000000000000001000000ff', 'hex')],
  ] as const) {
    const last = (await answersTo(Buffer.concat([hello[as], encodeFrame(type, 5, payload)]))).at(-1);
    expect([last?.type, last?.tag]).toEqual([frameType.error, 5]);
  }
});

test('stdin before an exec, and a second exec, end the connection', async () => {
  const early = await answersTo(Buffer.concat([hello.exec, encodeFrame(frameType.stdin, 5, Buffer.from('x'))]));
  expect(decodeError(early.at(-1)?.payload ?? Buffer.alloc(0)).code).toBe(10);
  const exec = execFrame(['sleep', '555']);
  const twice = await answersTo(Buffer.concat([hello.exec, exec, exec]));
  expect(twice.some((frame) => frame.type === frameType.error)).toBe(true);
  const listed = await container.exec(['sh', '-c', 'cat /proc/[0-9]*/cmdline']);
  expect(listed.stdout).not.toContain('555');
});

test('a session’s frames that do not fit end it', async () => {
  for (const [type, payload] of [
    [frameType.resize, Buffer.alloc(3)],
    [frameType.resize, Buffer.alloc(5)],
    [frameType.stdinEof, Buffer.alloc(1)],
  ] as const) {
    for (const [as, first] of [
      [hello.attach, attachFrame],
      [hello.exec, execFrame(['sleep', '556'])],
    ] as const) {
      const last = (await answersTo(Buffer.concat([as, first, encodeFrame(type, 6, payload)]))).at(-1);
      expect([last?.type, last?.tag]).toEqual([frameType.error, 6]);
      expect(decodeError(last?.payload ?? Buffer.alloc(0)).code).toBe(1);
    }
  }
  const listed = await container.exec(['sh', '-c', 'cat /proc/[0-9]*/cmdline']);
  expect(listed.stdout).not.toContain('556');
});

test('attach: input before ATTACH, and a second ATTACH, end the connection', async () => {
  const types = async (...frames: Buffer[]) => {
    const answers = await answersTo(Buffer.concat([hello.attach, ...frames]));
    const last = answers.at(-1)?.payload ?? Buffer.alloc(0);
    return [answers.map(({ type }) => type), decodeError(last).code];
  };
  const { welcome, started, error } = frameType;
  for (const early of [frameType.stdin, frameType.stdinEof, frameType.resize]) {
    expect(await types(encodeFrame(early, 5, Buffer.alloc(4)))).toEqual([[welcome, error], 10]);
  }
  expect(await types(attachFrame, attachFrame)).toEqual([[welcome, started, error], 10]);
});

test('events: a second SUBSCRIBE ends the connection', async () => {
  const subscribe = encodeFrame(frameType.subscribe, 5, Buffer.of(7, 0, 0, 0));
  const answers = await answersTo(Buffer.concat([hello.events, subscribe, subscribe]));
  const { welcome, ok, state, error } = frameType;
  expect(answers.map(({ type }) => type)).toEqual([welcome, ok, state, error]);
  expect(decodeError(answers.at(-1)?.payload ?? Buffer.alloc(0)).code).toBe(10);
});

test('process JSON that is none is the runtime’s to refuse', async () => {
  const text = Buffer.from('{"args": 7');
  const request = Buffer.alloc(17 + text.length);
  request.writeUInt32LE(text.length, 13);
  text.copy(request, 17);
  const last = (await answersTo(Buffer.concat([hello.exec, encodeFrame(frameType.exec, 5, request)]))).at(-1);
  expect(last?.type).toBe(frameType.error);
  expect(decodeError(last?.payload ?? Buffer.alloc(0)).code).toBe(11);
});

test('only root is answered', async () => {
  const { socketPath } = container.request;
  await chmod(workspace.path, 0o755);
  await chmod(socketPath, 0o666);
  const script = `
    const socket = require('node:net').connect(${JSON.stringify(socketPath)});
    socket.write(Buffer.from('${hello.control.toString('hex')}', 'hex'));
    let size = 0;
    socket.on('data', (data) => (size += data.length));
    socket.on('error', (error) => console.log(error.code));
    socket.on('close', () => console.log(size));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { uid: 65534, gid: 65534, cwd: '/' });
  await chmod(socketPath, 0o600);
  expect(stdout).toMatch(/^((EPIPE|ECONNRESET)\n)?0\n$/);
});

/** EXEC of this command. */
function execFrame(args: readonly string[]): Buffer {
  const command = Buffer.from(JSON.stringify(processOf(args)));
  const request = Buffer.alloc(17 + command.length);
  request.writeUInt32LE(command.length, 13);
  command.copy(request, 17);
  return encodeFrame(frameType.exec, 5, request);
}

test('random bytes, in any role, never hurt', async () => {
  const before = (await descriptors(container.process.pid ?? 0)).length;
  const roles = [
    hello.none,
    hello.control,
    hello.exec,
    hello.attach,
    hello.events,
    Buffer.concat([hello.attach, attachFrame]),
  ];
  await Promise.all(
    Array.from({ length: 120 }, async (_, i) => {
      const noise = randomBytes(1 + ((i * 37) % 300));
      // Half of them begin like a frame of the role.
      if (i % 2) noise.set([noise.length, 0, 0, 0, 0x10 + (i % 52), 0, 0, 0].slice(0, noise.length));
      // SIGNAL is the one frame that noise could do harm with: a random number may be a signal's.
      if (noise[4] === frameType.signal) noise[4] = frameType.reopen;
      // It may be the beginning of a frame, whose rest the monitor waits for.
      await answersTo(Buffer.concat([roles[i % roles.length] ?? hello.none, noise]), 300);
    }),
  );
  expect((await descriptors(container.process.pid ?? 0)).length).toBeLessThanOrEqual(before + 2);
});
