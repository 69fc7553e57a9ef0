import { campaign, fuzzTimeoutMs } from './campaign';
import { mutate } from './mutate';
import type { Random } from './random';
import { spdyBytes } from './spdy-bytes';
import { inMessages, websocketBytes } from './websocket-bytes';

const tunnel = 'SPDY/3.1+portforward.k8s.io';
const protocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  tunnel,
] as const;

/** Mostly a handshake that works: what comes behind it is what is to be tried. */
function headers(random: Random, protocol: string): Record<string, string> {
  const good = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': random.bytes(16).toString('base64'),
    'Sec-WebSocket-Protocol': `${protocol}, v4.channel.k8s.io`,
  };
  if (random.chance(0.95)) return good;
  const name = random.pick(['Sec-WebSocket-Version', 'Sec-WebSocket-Key', 'Sec-WebSocket-Protocol'] as const);
  const damaged = mutate(Buffer.from(good[name]), random)
    .toString('latin1')
    .replaceAll(/[\r\n]/g, '');
  return { ...good, [name]: damaged };
}

test(
  'WebSocket connections that go wrong in any way leave an ended connection and nothing else',
  async () => {
    const figures = await campaign('websocket', 150, async (random, asked) => {
      const forward = asked.verb === 'portforward';
      const protocol = forward && random.chance(0.5) ? tunnel : random.pick(protocols);
      const spdy = forward && protocol === tunnel && random.chance(0.8);
      return {
        method: random.chance(0.98) ? 'GET' : 'POST',
        headers: headers(random, protocol),
        query: forward ? random.pick(['?port=80&port=81', '?port=80', '?port=0', '?port=99999999', '']) : '',
        bytes: spdy ? inMessages(await spdyBytes(random, asked), random) : websocketBytes(random),
      };
    });
    expect(figures.switched).toBeGreaterThan(figures.visits / 3);
    expect(figures.started).toBeGreaterThan(figures.visits / 10);
    expect(figures.endedByServer).toBeGreaterThan(0);
  },
  fuzzTimeoutMs,
);
