import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Dialer, listenFor } from '../../../src/cli/forward/listen';

/** The pod's end: answers when its client has said all, so that the half-close has to come through. */
let far: Server;
const farPort = () => (far.address() as AddressInfo).port;
beforeEach(async () => {
  far = createServer({ allowHalfOpen: true }, (socket) => {
    let said = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    socket.on('end', () => socket.end(`heard ${said}`)).on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(far, 'listening');
});
afterEach(() => new Promise((resolve) => far.close(resolve)));

const dialled: Socket[] = [];
const dialer: Dialer = {
  connect: async (port) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    await once(socket, 'connect');
    dialled.push(socket);
    return socket;
  },
};
const never = (cause: unknown) => {
  throw cause;
};
const client = (port: number) => connect({ host: '127.0.0.1', port, allowHalfOpen: true });

test('a free port leads there and back, each direction by itself, many at once', async () => {
  await using listener = await listenFor('127.0.0.1', { local: 0, remote: farPort() }, dialer, never);
  expect(listener.name).toBe(`127.0.0.1:${listener.port}`);
  const answers = await Promise.all(
    ['a', 'b', 'c'].map((word) => {
      const socket = client(listener.port);
      socket.end(word);
      return text(socket);
    }),
  );
  expect(answers).toEqual(['heard a', 'heard b', 'heard c']);
});

test('a connection that cannot be made is reset and told, and the next one is served', async () => {
  const failures: unknown[] = [];
  let refusing = true;
  const moody: Dialer = {
    connect: (port) => (refusing ? Promise.reject(new Error('nobody listens')) : dialer.connect(port)),
  };
  await using listener = await listenFor('127.0.0.1', { local: 0, remote: farPort() }, moody, (cause) =>
    failures.push(cause),
  );
  const refused = client(listener.port);
  await expect(text(refused)).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(failures).toEqual([new Error('nobody listens')]);
  refusing = false;
  const served = client(listener.port);
  served.end('x');
  expect(await text(served)).toBe('heard x');
});

test('a client that breaks off breaks the connection to the pod; the end of listening breaks all', async () => {
  dialled.splice(0);
  const listener = await listenFor('127.0.0.1', { local: 0, remote: farPort() }, dialer, () => undefined);
  const broken = client(listener.port);
  broken.write('half');
  await once(broken, 'connect');
  while (dialled.length < 1) await new Promise((resolve) => setImmediate(resolve));
  const [first] = dialled;
  if (!first) throw new Error('no connection was made');
  const gone = once(first, 'close');
  broken.resetAndDestroy();
  await gone;
  const open = connect(listener.port, '127.0.0.1').resume();
  open.on('error', () => undefined);
  await once(open, 'connect');
  const closed = once(open, 'close');
  await listener[Symbol.asyncDispose]();
  await closed;
});

test('a port that is taken is told with what to do', async () => {
  await expect(listenFor('127.0.0.1', { local: farPort(), remote: 80 }, dialer, never)).rejects.toThrow(
    /^port-forward: cannot listen on 127\.0\.0\.1 port \d+: .*EADDRINUSE.* \(use LOCAL:REMOTE with another port, or :REMOTE\)$/,
  );
});
