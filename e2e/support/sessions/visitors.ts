import type { Readable } from 'node:stream';
import { type ExecClient, openExec, openPortForward } from '../../../src/streaming';
import { PodProgram } from '../pod-program';
import type { Running, World } from '../world';
import { CuttingProxy, type Cut } from './cutting-proxy';

/** What the commands of vanishing clients do: a little, output of some size or without end, input read or not. */
const commands = {
  short: 'echo done',
  output: 'head -c 300000 /dev/zero',
  endless: 'yes',
  input: 'cat >/dev/null',
  deaf: 'sleep 1000',
} as const;
type Kind = keyof typeof commands | 'attach';
const kinds = ['short', 'output', 'endless', 'input', 'deaf', 'attach', 'forward', 'forward'] as const;

/** Where sessions take place: execs in one container, attaches to another, port-forwards to the pod of a third. */
export interface Stand {
  readonly container: Running;
  /** Runs `talk`, with stdin. */
  readonly talker: Running;
  /** Serves `ports`. */
  readonly server: Running;
}

/** What the server's ports do: give back what comes, talk for ever, listen to nothing; where nobody is. */
const ports = { echo: 7001, endless: 7002, deaf: 7003, nobody: 7004 } as const;

/** Has the server serve its ports. */
export function servePorts(world: World, server: Running): Promise<PodProgram> {
  const script = `
    listen(${ports.echo}, '127.0.0.1', (socket) => socket.pipe(socket));
    listen(${ports.endless}, '127.0.0.1', (socket) => {
      const timer = setInterval(() => socket.write('some words of many\\n'.repeat(100)), 1);
      socket.resume().on('close', () => clearInterval(timer));
    });
    listen(${ports.deaf}, '127.0.0.1', (socket) => socket.pause());`;
  return PodProgram.start(world.cri, server.id, script);
}

/** A little output for ever: who attaches has some soon, and the log stays small. */
export const talk =
  'while sleep 0.02; do echo "some words, and then some more of them, to be told from the others"; done';

const wants = { stdin: true, stdout: true, stderr: false, tty: false };

async function execUrl(world: World, container: Running, script: string): Promise<string> {
  return world.cri.exec({ containerId: container.id, cmd: ['sh', '-c', script], ...wants });
}

/** A session that goes well: its input comes back, its exit code is told. */
export async function goodSession(world: World, container: Running, text: string): Promise<void> {
  const session = await openExec(await execUrl(world, container, 'cat; exit 7'), wants);
  session.stdin?.end(text);
  const answer = await textOf(session.stdout);
  const code = await session.status;
  if (answer !== text || code !== 7) throw new Error(`${JSON.stringify(answer.slice(0, 100))}, exit ${code}`);
}

/** A port-forward that goes well: what is sent comes back. */
export async function goodForward(world: World, { server }: Stand, text: string): Promise<void> {
  const session = await openPortForward(await world.cri.portForward(server.pod.id));
  const connection = await session.connect(ports.echo);
  connection.end(text);
  const answer = await textOf(connection);
  session.close();
  await session.over;
  if (answer !== text) throw new Error(`${JSON.stringify(answer.slice(0, 100))} came back`);
}

/** A session whose client vanishes at a byte of it that chance has drawn; settles when the server has let go of it. */
export async function vanishingSession(world: World, stand: Stand, random: () => number): Promise<void> {
  const kind = kinds[Math.floor(random() * kinds.length)] ?? 'short';
  if (kind === 'forward') return vanishingForward(world, stand, random);
  const real =
    kind === 'attach'
      ? await world.cri.attach({ containerId: stand.talker.id, ...wants })
      : await execUrl(world, stand.container, commands[kind]);
  const { proxy, url } = await CuttingProxy.before(real, drawCut(kind, random));
  await using _ = proxy;
  try {
    const session = await openExec(url, wants);
    session.stdout?.resume();
    session.stdin?.on('error', () => undefined);
    if (kind === 'input' || kind === 'deaf') void flood(session);
    else if (kind === 'attach') session.stdin?.write('heard by nobody\n');
    else if (random() < 0.5) session.stdin?.end();
    await session.status;
  } catch {
    // It is cut off: whatever the client is told of that.
  }
}

/** The same of a port-forward with some connections, of which each does what its port does. */
async function vanishingForward(world: World, { server }: Stand, random: () => number): Promise<void> {
  const real = await world.cri.portForward(server.pod.id);
  const { proxy, url } = await CuttingProxy.before(real, drawCut('endless', random));
  await using _ = proxy;
  try {
    const session = await openPortForward(url);
    const drawn = Object.values(ports).filter(() => random() < 0.5);
    // Without this one nothing might ever be cut.
    for (const port of [ports.endless, ...drawn]) {
      const connection = await session.connect(port);
      connection.on('error', () => undefined).resume();
      connection.write(Buffer.alloc(Math.floor(random() * 100_000), 'input '));
    }
    await session.over;
  } catch {
    // It is cut off: whatever the client is told of that.
  }
}

/** The handshake and the streams are some hundred bytes; what has no end by itself is cut for certain. */
function drawCut(kind: Kind, random: () => number): Cut {
  const how = (['close', 'reset', 'half-close'] as const)[Math.floor(random() * 3)] ?? 'close';
  const early = random() < 0.5;
  const input = kind === 'input' || kind === 'deaf';
  const direction = input || (early && kind !== 'endless' && kind !== 'attach' && random() < 0.5) ? 'up' : 'down';
  const farthest = kind === 'attach' ? 3000 : 150_000;
  return { direction, how, bytes: Math.floor(random() * (early ? 500 : farthest)) };
}

async function flood({ stdin }: ExecClient): Promise<void> {
  const chunk = Buffer.alloc(16 * 1024, 'input ');
  const more = () => {
    while (stdin?.writable && stdin.write(chunk));
  };
  stdin?.on('drain', more);
  more();
}

export async function textOf(stream: Readable | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  if (stream) for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
