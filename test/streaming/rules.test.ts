import { negotiate } from '../../src/streaming/server/negotiate';
import { spdyProtocols } from '../../src/streaming/remote-command/protocols';
import { decodeOutcome, encodeOutcome } from '../../src/streaming/remote-command/status';
import { TokenStore } from '../../src/streaming/server/tokens';

describe('negotiation', () => {
  const offers = new Map([...spdyProtocols.keys()].map((protocol) => [protocol, `what ${protocol} is served by`]));

  test.each([
    ['v5.channel.k8s.io, v4.channel.k8s.io,v3.channel.k8s.io', 'v4.channel.k8s.io'],
    ['channel.k8s.io,v4.channel.k8s.io', 'channel.k8s.io'],
    ['v2.channel.k8s.io', 'v2.channel.k8s.io'],
  ])('of %s the first that is served is taken', (offered, protocol) => {
    const chosen = { kind: 'chosen', protocol, offer: `what ${protocol} is served by` };
    expect(negotiate(offered, offers)).toEqual(chosen);
    expect(negotiate(offered.split(','), offers)).toEqual(chosen);
  });

  test('none offered and none served are told apart', () => {
    expect(negotiate(undefined, offers)).toEqual({ kind: 'missing' });
    expect(negotiate(' , ', offers)).toEqual({ kind: 'missing' });
    expect(negotiate('v9.channel.k8s.io', offers)).toEqual({ kind: 'none', asked: ['v9.channel.k8s.io'] });
  });
});

describe('tokens', () => {
  test('each is good once, and no two are alike', () => {
    const tokens = new TokenStore<number>(1000, 60_000);
    const issued = Array.from({ length: 1000 }, (_, index) => tokens.issue(index));
    expect(new Set(issued).size).toBe(1000);
    expect(() => tokens.issue(0)).toThrow(
      expect.objectContaining({ code: 'stream-too-many', status: 'RESOURCE_EXHAUSTED' }) as Error,
    );
    expect(tokens.take(issued[5] ?? '')).toBe(5);
    expect(tokens.take(issued[5] ?? '')).toBeUndefined();
    expect(tokens.take('__proto__')).toBeUndefined();
    expect(tokens.issue(7)).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  test('one that has expired is unknown and makes room', () => {
    const now = jest.spyOn(performance, 'now').mockReturnValue(0);
    try {
      const tokens = new TokenStore<string>(1, 60_000);
      const old = tokens.issue('old');
      now.mockReturnValue(60_000);
      const fresh = tokens.issue('fresh');
      expect(tokens.take(old)).toBeUndefined();
      expect(tokens.take(fresh)).toBe('fresh');
    } finally {
      now.mockRestore();
    }
  });
});

describe('status', () => {
  test.each([
    { kind: 'exited', code: 0 } as const,
    { kind: 'exited', code: 137 } as const,
    { kind: 'failed', message: 'exec: container 3f: not running (start it)' } as const,
  ])('v4 carries %j both ways', (outcome) => {
    expect(decodeOutcome(encodeOutcome(outcome, 'v4'))).toEqual(outcome);
  });

  test('v4 says the exit code as clients look for it', () => {
    expect(JSON.parse(encodeOutcome({ kind: 'exited', code: 7 }, 'v4'))).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    });
    expect(JSON.parse(encodeOutcome({ kind: 'failed', message: 'no' }, 'v4'))).toMatchObject({
      reason: 'InternalError',
      code: 500,
      message: 'no',
    });
  });

  test('older protocols carry text, and only on failure', () => {
    expect(encodeOutcome({ kind: 'exited', code: 0 }, 'v2')).toBe('');
    expect(encodeOutcome({ kind: 'exited', code: 7 }, 'v1')).toContain('exit status 7');
    expect(encodeOutcome({ kind: 'failed', message: 'no' }, 'v3')).toBe('no');
  });

  test.each(['', 'text', '[]', '{}', '{"status":"Failure","reason":"NonZeroExitCode"}'])('%j is refused', (text) => {
    expect(() => decodeOutcome(text)).toThrow(expect.objectContaining({ code: 'stream-protocol' }) as Error);
  });
});
