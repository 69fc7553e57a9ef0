import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { BerthError, silentLog } from '../../src/base';
import { createStreamingServer, openExec } from '../../src/streaming';
import { until } from '../support/until';
import { all, command, stalls, useServers, writer } from './serve';
import { ShellTarget } from './shell-target';
import { targetWith } from './target-with';

const serve = useServers();

describe('exec', () => {
  test('carries stdin, stdout, stderr and the exit code', async () => {
    const server = await serve(new ShellTarget());
    const exec = await openExec(
      server.execUrl(command('read line; echo "out $line"; echo "err $line" >&2; exit 7')),
      all,
    );
    exec.stdin?.end('hello\n');
    const [stdout, stderr] = await Promise.all([
      text(exec.stdout ?? Readable.from([])),
      text(exec.stderr ?? Readable.from([])),
    ]);
    expect({ stdout, stderr, status: await exec.status }).toEqual({
      stdout: 'out hello\n',
      stderr: 'err hello\n',
      status: 7,
    });
  });

  test('the end of stdin is the end of the command’s input', async () => {
    const server = await serve(new ShellTarget());
    const exec = await openExec(server.execUrl(command('cat; echo done')), all);
    exec.stdin?.end('abc');
    exec.stderr?.resume();
    expect(await text(exec.stdout ?? Readable.from([]))).toBe('abcdone\n');
    expect(await exec.status).toBe(0);
  });

  test('20 MiB there and back arrive unaltered, with both sides slowed down by TCP', async () => {
    const server = await serve(new ShellTarget());
    const exec = await openExec(server.execUrl(command('cat', { stderr: false })), { ...all, stderr: false });
    const sent = Buffer.alloc(20 * 1024 * 1024, 'a line of some length, repeated\n');
    exec.stdin?.end(sent);
    const back = await buffer(exec.stdout ?? Readable.from([]));
    expect(createHash('sha256').update(back).digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'));
    expect(await exec.status).toBe(0);
  });

  test('a client that does not read holds the command back instead of filling memory', async () => {
    const { target, written } = writer();
    const server = await serve(target);
    const abort = new AbortController();
    const exec = await openExec(server.execUrl(command('')), all, abort.signal);
    await until(stalls(written));
    expect(written()).toBeLessThan(32 * 1024 * 1024);
    abort.abort();
    await expect(exec.status).rejects.toMatchObject({ code: 'call-cancelled' });
  });

  test('a command that ends without reading its stdin ends the session', async () => {
    const server = await serve(new ShellTarget());
    const exec = await openExec(server.execUrl(command('exit 3')), all);
    exec.stdin?.on('error', () => undefined);
    exec.stdin?.write(Buffer.alloc(8 * 1024 * 1024));
    await Promise.all([text(exec.stdout ?? Readable.from([])), text(exec.stderr ?? Readable.from([]))]);
    expect(await exec.status).toBe(3);
  });

  test('an error of the target is what the client reads', async () => {
    const server = await serve(
      targetWith({
        exec: () =>
          Promise.reject(
            new BerthError('container-state', { op: 'Exec', object: 'container c1', detail: 'it is not running' }),
          ),
      }),
    );
    const exec = await openExec(server.execUrl(command('true')), all);
    exec.stdout?.resume();
    exec.stderr?.resume();
    await expect(exec.status).rejects.toMatchObject({
      code: 'program-failed',
      message: expect.stringContaining('container c1: it is not running') as string,
    });
  });

  test('a terminal has its resize stream opened, and the target decides about it', async () => {
    const server = await serve(
      targetWith({
        exec: () => Promise.reject(new BerthError('not-implemented', { op: 'Exec', detail: 'a terminal' })),
      }),
    );
    const tty = { stdin: true, stdout: true, stderr: false, tty: true };
    const exec = await openExec(server.execUrl(command('true', tty)), tty);
    exec.stdout?.resume();
    await expect(exec.status).rejects.toThrow('a terminal');
  });

  test('a client that goes away aborts the command, also while its stdin is not read', async () => {
    const target = new ShellTarget();
    const server = await serve(target);
    const abort = new AbortController();
    const exec = await openExec(server.execUrl(command('exec sleep 1000')), all, abort.signal);
    exec.stdin?.on('error', () => undefined);
    exec.stdin?.write(Buffer.alloc(16 * 1024 * 1024));
    await until(() => target.active === 1);
    abort.abort();
    await expect(exec.status).rejects.toMatchObject({ code: 'call-cancelled' });
    await until(() => target.active === 0, AbortSignal.timeout(20_000));
    expect(target.aborted).toEqual(['c1']);
  });

  test('a signal that is aborted before or during the connection is heeded', async () => {
    const server = await serve(new ShellTarget());
    const url = server.execUrl(command('true'));
    await expect(openExec(url, all, AbortSignal.abort())).rejects.toMatchObject({ code: 'call-cancelled' });
    const abort = new AbortController();
    const opening = openExec(url, all, abort.signal);
    abort.abort();
    await expect(opening).rejects.toMatchObject({ code: 'call-cancelled' });
  });

  test('close ends the sessions and their commands, and says so in the status', async () => {
    const target = new ShellTarget();
    const server = await serve(target);
    const exec = await openExec(server.execUrl(command('exec sleep 1000')), all);
    await until(() => target.active === 1);
    exec.stdout?.resume();
    exec.stderr?.resume();
    await server.close();
    expect(target.active).toBe(0);
    await expect(exec.status).rejects.toThrow('berthd stops, the command was ended');
  });

  test('a session in which nothing moves is ended', async () => {
    const target = new ShellTarget();
    const server = await serve(target, { idleTimeoutMs: 100 });
    const exec = await openExec(server.execUrl(command('exec sleep 1000')), all);
    await expect(exec.status).rejects.toThrow();
    await until(() => target.active === 0);
  });

  test('a client that opens too few streams is told which are missing', async () => {
    const server = await serve(new ShellTarget(), { creationTimeoutMs: 1000 });
    const exec = await openExec(server.execUrl(command('true')), { ...all, stderr: false });
    exec.stdout?.resume();
    await expect(exec.status).rejects.toThrow(/within 1 s: stderr/);
  });
});

describe('URLs', () => {
  const upgradeHeaders = {
    Connection: 'Upgrade',
    Upgrade: 'SPDY/3.1',
    'X-Stream-Protocol-Version': 'v4.channel.k8s.io',
  };

  async function ask(url: string, options: { method?: string; headers?: Record<string, string> } = {}) {
    const sent = request(url, { method: 'POST', headers: upgradeHeaders, agent: false, ...options }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: response.statusCode, headers: response.headers, text: await text(response) };
  }

  test('are good once', async () => {
    const server = await serve(new ShellTarget());
    const url = server.execUrl(command('true'));
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/exec\/[\w-]{22}$/);
    const exec = await openExec(url, all);
    exec.stdout?.resume();
    exec.stderr?.resume();
    expect(await exec.status).toBe(0);
    await expect(openExec(url, all)).rejects.toMatchObject({ code: 'stream-token-unknown' });
  });

  test.each(['/attach/', '/portforward/', '/elsewhere/'])(
    'for exec serve nothing under %s, and are used up there',
    async (path) => {
      const server = await serve(new ShellTarget());
      const url = server.execUrl(command('true'));
      expect((await ask(url.replace('/exec/', path))).status).toBe(404);
      expect((await ask(url)).status).toBe(404);
    },
  );

  test.each([
    ['without an upgrade', 400, {}, {}],
    ['with another upgrade', 400, { headers: { ...upgradeHeaders, Upgrade: 'h2c' } }, {}],
    ['with a web socket', 405, { headers: { ...upgradeHeaders, Upgrade: 'websocket' } }, {}],
    ['without a protocol', 400, { headers: { Connection: 'Upgrade', Upgrade: 'SPDY/3.1' } }, {}],
    [
      'with a protocol that is not served',
      403,
      { headers: { ...upgradeHeaders, 'X-Stream-Protocol-Version': 'v9' } },
      {
        'x-accepted-stream-protocol-versions': 'v4.channel.k8s.io,v3.channel.k8s.io,v2.channel.k8s.io,channel.k8s.io',
      },
    ],
    ['with another method', 405, { method: 'PUT' }, {}],
  ])('asked for %s are answered %i and used up', async (what, status, options, headers) => {
    const server = await serve(new ShellTarget());
    const url = server.execUrl(command('true'));
    const sent = what === 'without an upgrade' ? { headers: {} } : options;
    expect(await ask(url, sent)).toMatchObject({ status, headers });
    expect((await ask(url)).status).toBe(404);
  });

  test('GET serves as well as POST', async () => {
    const server = await serve(new ShellTarget());
    const sent = request(server.execUrl(command('true')), { method: 'GET', headers: upgradeHeaders }).end();
    const [response, socket] = (await once(sent, 'upgrade')) as [IncomingMessage, { destroy(): void }];
    expect(response).toMatchObject({
      statusCode: 101,
      headers: { upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' },
    });
    socket.destroy();
  });

  test('have a host that can be reached, whatever the server listens on', async () => {
    const wildcard = await serve(new ShellTarget(), { host: '0.0.0.0' });
    expect(new URL(wildcard.execUrl(command('true'))).hostname).toBe('127.0.0.1');
    const six = await serve(new ShellTarget(), { host: '::1' });
    expect(new URL(six.execUrl(command('true'))).hostname).toBe('[::1]');
    expect((await ask(six.execUrl(command('true')), { method: 'PUT' })).status).toBe(405);
  });

  test('an address in use is an error that names it', async () => {
    const first = await serve(new ShellTarget());
    const port = Number(new URL(first.execUrl(command('true'))).port);
    const second = createStreamingServer({ host: '127.0.0.1', port, target: new ShellTarget(), log: silentLog() });
    await expect(second.listen()).rejects.toThrow(`127.0.0.1:${port}`);
  });
});
