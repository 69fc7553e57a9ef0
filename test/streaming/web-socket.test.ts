import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { BerthError } from '../../src/base';
import { CommandSocket } from '../support/command-socket';
import { until } from '../support/until';
import { command, stalls, useServers, writer } from './serve';
import { ShellTarget } from './shell-target';
import { targetWith } from './target-with';

const serve = useServers();

const v5 = 'v5.channel.k8s.io';
const success = { metadata: {}, status: 'Success' };
const exit7 = { reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: '7' }] } };

describe('exec over WebSocket', () => {
  const script = 'read line; echo "out $line"; echo "err $line" >&2; exit 7';

  test.each([v5, 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io'])(
    '%s carries stdin, stdout, stderr and the exit code',
    async (protocol) => {
      const server = await serve(new ShellTarget());
      const client = await CommandSocket.open(server.execUrl(command(script)), protocol);
      client.stdin('hello\n');
      const end = await client.end();
      expect(end).toMatchObject({ stdout: 'out hello\n', stderr: 'err hello\n', status: exit7, code: 1000 });
      expect(client.protocol).toBe(protocol);
    },
  );

  test.each(['channel.k8s.io', 'base64.channel.k8s.io', ''])('%j tells the end as text', async (protocol) => {
    const server = await serve(new ShellTarget());
    const client = await CommandSocket.open(server.execUrl(command(script)), protocol ? protocol : []);
    client.stdin('hello\n');
    const status = 'command terminated with non-zero exit code: exit status 7';
    expect(await client.end()).toEqual({ stdout: 'out hello\n', stderr: 'err hello\n', status, code: 1000 });
  });

  test('the first of the client’s preference is taken, and 255 ends stdin in v5', async () => {
    const server = await serve(new ShellTarget());
    const client = await CommandSocket.open(server.execUrl(command('cat; echo done')), ['v9', v5, 'channel.k8s.io']);
    expect(client.protocol).toBe(v5);
    client.stdin('abc');
    client.endStdin();
    client.stdin('what comes behind the end is dropped');
    expect(await client.end()).toMatchObject({ stdout: 'abcdone\n', status: success, code: 1000 });
  });

  test('channels that are nobody’s, empty messages and text are passed over', async () => {
    const server = await serve(new ShellTarget());
    const client = await CommandSocket.open(server.execUrl(command('cat')), v5);
    for (const channel of [1, 2, 3, 4, 5, 77, 254]) client.send(channel, 'no input');
    client.socket.send(Buffer.alloc(0));
    client.socket.send(Buffer.of(255));
    client.socket.send(Buffer.of(255, 9));
    client.stdin('');
    client.stdin('abc');
    client.endStdin();
    expect(await client.end()).toMatchObject({ stdout: 'abc', status: success });
  });

  test('20 MiB there and back arrive unaltered', async () => {
    const server = await serve(new ShellTarget());
    const client = await CommandSocket.open(server.execUrl(command('cat', { stderr: false })), v5);
    const sent = Buffer.alloc(20 * 1024 * 1024, 'a line of some length, repeated\n');
    for (let at = 0; at < sent.length; at += 1024 * 1024) client.stdin(sent.subarray(at, at + 1024 * 1024));
    client.endStdin();
    expect(await client.end()).toMatchObject({ status: success });
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(digest(client.bytes(1))).toBe(digest(sent));
  });

  test('a client that does not read holds the command back instead of filling memory', async () => {
    const { target, written } = writer();
    const server = await serve(target);
    const client = await CommandSocket.open(server.execUrl(command('')), v5);
    client.socket.pause();
    await until(stalls(written));
    expect(written()).toBeLessThan(32 * 1024 * 1024);
    client.socket.resume();
    expect(await client.end()).toMatchObject({ status: success, code: 1000 });
    expect(client.bytes(1)).toHaveLength(64 * 1024 * 1024);
  });

  test('a command that does not read holds the client back', async () => {
    const target = new ShellTarget();
    const server = await serve(target);
    const client = await CommandSocket.open(server.execUrl(command('exec sleep 1000')), v5);
    for (let i = 0; i < 64; i++) client.stdin(Buffer.alloc(1024 * 1024));
    await until(() => target.active === 1);
    let before = -1;
    await until(() => {
      const still = client.socket.bufferedAmount === before;
      before = client.socket.bufferedAmount;
      return still;
    });
    expect(before).toBeGreaterThan(16 * 1024 * 1024);
    client.socket.terminate();
    await until(() => target.active === 0, AbortSignal.timeout(20_000));
  });

  test('a client that goes is noticed behind a proxy, whose way to us is blocked by what the command does not read', async () => {
    const target = new ShellTarget();
    const server = await serve(target);
    const url = new URL(server.execUrl(command('exec sleep 1000')));
    const port = Number(url.port);
    // As the kubelet's: it copies either way, and sees that the client is gone when it writes to it.
    const proxy = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ port, host: url.hostname, allowHalfOpen: true });
      near.on('error', () => far.destroy()).pipe(far);
      far.on('error', () => near.destroy()).pipe(near);
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    url.port = String((proxy.address() as AddressInfo).port);
    const client = await CommandSocket.open(url.href, v5);
    for (let i = 0; i < 64; i++) client.stdin(Buffer.alloc(1024 * 1024));
    await until(() => target.active === 1);
    await until(stalls(() => client.socket.bufferedAmount));
    client.socket.terminate();
    await until(() => target.active === 0, AbortSignal.timeout(30_000));
    proxy.close();
  }, 40_000);

  test('a command that ends without reading its stdin ends the session', async () => {
    const server = await serve(new ShellTarget());
    const client = await CommandSocket.open(server.execUrl(command('exit 7')), v5);
    for (let i = 0; i < 8; i++) client.stdin(Buffer.alloc(1024 * 1024));
    expect(await client.end()).toMatchObject({ status: exit7, code: 1000 });
  });

  test('a message that is too long is refused with 1009, and the command goes', async () => {
    const target = new ShellTarget();
    const server = await serve(target);
    const client = await CommandSocket.open(server.execUrl(command('exec sleep 1000')), v5);
    client.stdin(Buffer.alloc(5 * 1024 * 1024));
    expect(await client.closed).toMatchObject({ code: 1009 });
    await until(() => target.active === 0);
  });

  test('pings are answered', async () => {
    const server = await serve(new ShellTarget());
    const client = await CommandSocket.open(server.execUrl(command('cat')), v5);
    client.socket.ping('are you there');
    const [data] = (await once(client.socket, 'pong')) as [Buffer];
    expect(data.toString()).toBe('are you there');
    client.endStdin();
    expect(await client.end()).toMatchObject({ status: success });
  });

  test.each([
    ['closes', (client: CommandSocket) => client.socket.close()],
    ['breaks off', (client: CommandSocket) => client.socket.terminate()],
  ])('a client that %s aborts the command', async (_how, leave) => {
    const target = new ShellTarget();
    const server = await serve(target);
    const client = await CommandSocket.open(server.execUrl(command('exec sleep 1000')), v5);
    await until(() => target.active === 1);
    leave(client);
    await until(() => target.active === 0);
    expect(target.aborted).toEqual(['c1']);
  });

  test('close ends the sessions and their commands, and says so in the status', async () => {
    const target = new ShellTarget();
    const server = await serve(target);
    const client = await CommandSocket.open(server.execUrl(command('exec sleep 1000')), v5);
    await until(() => target.active === 1);
    await server.close();
    expect(target.active).toBe(0);
    const message = expect.stringContaining('berthd stops, the command was ended') as unknown;
    expect(await client.end()).toMatchObject({ status: { status: 'Failure', message }, code: 1000 });
  });

  test('a client that does not read delays a close by seconds, no more', async () => {
    const target = new ShellTarget();
    const server = await serve(target);
    const client = await CommandSocket.open(server.execUrl(command('exec yes')), v5);
    client.socket.pause();
    await until(() => target.active === 1);
    await server.close();
    expect(target.active).toBe(0);
    client.socket.terminate();
  });

  test('a session in which nothing moves is ended', async () => {
    const target = new ShellTarget();
    const server = await serve(target, { idleTimeoutMs: 200 });
    const client = await CommandSocket.open(server.execUrl(command('exec sleep 1000')), v5);
    expect(await client.closed).toEqual({ code: 1008, reason: 'nothing was sent for 0.2 s' });
    await until(() => target.active === 0);
  });

  test('an error of the target is what the client reads', async () => {
    const error = new BerthError('container-state', {
      op: 'Exec',
      object: 'container c1',
      detail: 'it is not running',
    });
    const server = await serve(targetWith({ exec: () => Promise.reject(error) }));
    const client = await CommandSocket.open(server.execUrl(command('true')), v5);
    expect(await client.end()).toMatchObject({
      status: { reason: 'InternalError', code: 500, message: error.message },
    });
  });

  test('sizes of the terminal reach the target', async () => {
    const sizes: unknown[] = [];
    const server = await serve(
      targetWith({
        async exec(_, { resize, stderr }) {
          expect(stderr).toBeUndefined();
          for await (const size of resize ?? []) if (sizes.push(size) === 2) return 0;
          return 1;
        },
      }),
    );
    const tty = { stdin: true, stdout: true, stderr: false, tty: true };
    const client = await CommandSocket.open(server.execUrl(command('', tty)), v5);
    client.resize(80, 24);
    await until(() => sizes.length === 1);
    client.resize(132, 50);
    expect(await client.end()).toMatchObject({ status: success });
    expect(sizes).toEqual([
      { width: 80, height: 24 },
      { width: 132, height: 50 },
    ]);
  });
});

describe('the handshake', () => {
  test('takes a subprotocol that is served, and no other', async () => {
    const server = await serve(new ShellTarget());
    const url = server.execUrl(command('true'));
    await expect(CommandSocket.open(url, ['v9.channel.k8s.io'])).rejects.toThrow('403');
    await expect(CommandSocket.open(url, v5)).rejects.toThrow('404');
  });

  test.each([
    ['POST', 13, 'dGhlIHNhbXBsZSBub25jZQ==', 405],
    ['GET', 7, 'dGhlIHNhbXBsZSBub25jZQ==', 400],
    ['GET', 13, 'short', 400],
  ])('by %s, of version %i, with the key %s is answered %i', async (method, version, key, status) => {
    const server = await serve(new ShellTarget());
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': String(version),
      'Sec-WebSocket-Key': key,
      'Sec-WebSocket-Protocol': v5,
    };
    const sent = request(server.execUrl(command('true')), { method, headers, agent: false }).end();
    expect(await once(sent, 'response')).toMatchObject([{ statusCode: status }]);
    sent.destroy();
  });
});
