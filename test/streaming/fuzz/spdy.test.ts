import { campaign, fuzzTimeoutMs } from './campaign';
import { mutate } from './mutate';
import type { Random } from './random';
import { spdyBytes } from './spdy-bytes';

const protocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'] as const;

/** Mostly an upgrade that works: what comes behind it is what is to be tried. */
function headers(random: Random): Record<string, string> {
  const version = random.pick(protocols);
  const good = {
    Connection: 'Upgrade',
    Upgrade: 'SPDY/3.1',
    'X-Stream-Protocol-Version': `portforward.k8s.io, ${version}`,
  };
  if (random.chance(0.95)) return good;
  const damaged = mutate(Buffer.from(version), random)
    .toString('latin1')
    .replaceAll(/[\r\n]/g, '');
  return { ...good, 'X-Stream-Protocol-Version': damaged };
}

test(
  'SPDY connections that go wrong in any way leave an ended connection and nothing else',
  async () => {
    const figures = await campaign('spdy', 150, async (random, asked) => ({
      method: random.chance(0.7) ? 'POST' : 'GET',
      headers: headers(random),
      bytes: await spdyBytes(random, asked),
    }));
    expect(figures.switched).toBeGreaterThan(figures.visits / 3);
    expect(figures.started).toBeGreaterThan(figures.visits / 10);
    expect(figures.endedByServer).toBeGreaterThan(0);
  },
  fuzzTimeoutMs,
);
