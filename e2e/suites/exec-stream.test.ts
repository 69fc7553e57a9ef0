import { status } from '@grpc/grpc-js';
import { createHash, randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { openExec } from '../../src/streaming';
import { rejection } from '../support/matchers';
import { berthTest, useWorld } from '../support/suite';
import { until } from '../support/wait';
import type { Running } from '../support/world';

const suite = useWorld();
let container: Running;
beforeAll(async () => {
  container = await suite.world.start();
});

const wants = { stdin: false, stdout: true, stderr: true, tty: false };
const exec = async (script: string, over: Partial<typeof wants> = {}, signal?: AbortSignal) => {
  const options = { ...wants, ...over };
  const url = await suite.world.cri.exec({ containerId: container.id, cmd: ['sh', '-c', script], ...options });
  return openExec(url, options, signal);
};

async function text(stream: Readable | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  if (stream) for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('stdout, stderr and the exit code come over SPDY', async () => {
  const session = await exec('echo out; echo err >&2; exit 3');
  expect(await Promise.all([text(session.stdout), text(session.stderr), session.status])).toEqual([
    'out\n',
    'err\n',
    3,
  ]);
});

test('a command that succeeds ends in exit code 0', async () => {
  const session = await exec('true');
  expect(await Promise.all([text(session.stdout), text(session.stderr), session.status])).toEqual(['', '', 0]);
});

test('stdin reaches the command, and its end too', async () => {
  const session = await exec('cat; echo after', { stdin: true });
  session.stdin?.end('to the command\n');
  expect(await Promise.all([text(session.stdout), text(session.stderr), session.status])).toEqual([
    'to the command\nafter\n',
    '',
    0,
  ]);
});

test('eight mebibytes go in and come out unchanged', async () => {
  const session = await exec('sha256sum', { stdin: true });
  const data = randomBytes(8 << 20);
  session.stdin?.end(data);
  const [stdout] = await Promise.all([text(session.stdout), text(session.stderr), session.status]);
  expect(stdout.split(' ')[0]).toBe(createHash('sha256').update(data).digest('hex'));
});

test('a URL serves once', async () => {
  const request = { containerId: container.id, cmd: ['true'], ...wants };
  const url = await suite.world.cri.exec(request);
  const session = await openExec(url, wants);
  await Promise.all([text(session.stdout), text(session.stderr), session.status]);
  await expect(openExec(url, wants)).rejects.toThrow(/404/);
});

test('a request for nothing, or for a tty with stderr, is refused', async () => {
  const none = { ...wants, stdout: false, stderr: false };
  const { code } = await rejection(suite.world.cri.exec({ containerId: container.id, cmd: ['true'], ...none }));
  expect([status.INVALID_ARGUMENT, status.UNKNOWN]).toContain(code);
  const tty = { ...wants, tty: true };
  await rejection(suite.world.cri.exec({ containerId: container.id, cmd: ['true'], ...tty }));
});

berthTest('when the client goes, the whole tree of its command goes', async () => {
  const { world } = suite;
  const client = new AbortController();
  const session = await exec('sleep 5151 & sleep 5152', {}, client.signal);
  session.status.catch(() => undefined);
  const running = () => world.sh(container, 'ps -o args | grep -c "^sleep 515[12]" || true');
  await until('the command to run', async () => (await running()) === '2');
  client.abort();
  await until('the command to be gone', async () => (await running()) === '0');
});
