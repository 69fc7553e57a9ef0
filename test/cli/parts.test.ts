import { parseCount, parseDuration } from '../../src/cli/command';
import { failureOf, oneLine } from '../../src/cli/failure';
import { json } from '../../src/cli/output/json';
import { facts, table } from '../../src/cli/output/table';
import { age, isoTime, size } from '../../src/cli/output/units';
import { runName } from '../../src/cli/run/names';
import { parseAddresses, parseForward } from '../../src/cli/forward/parse';
import { Speed } from '../../src/cli/pull/speed';
import { parseEnv, parseUser, parseVolume } from '../../src/cli/run/parse';
import { parsePublish } from '../../src/cli/run/publish';
import { Protocol } from '../../src/wire';

const usage = expect.objectContaining({ status: 2 }) as Error;

test.each([
  [0, '0s'],
  [59, '59s'],
  [60, '1m'],
  [3 * 3600 + 5, '3h'],
  [49 * 3600, '2d'],
  [800 * 86_400, '2y'],
])('an age of %i s is %s', (seconds, text) => {
  const now = Date.UTC(2024, 5, 6);
  expect(age(BigInt(now - seconds * 1000) * 1_000_000n, now)).toBe(text);
});

test('no time has no age, and a clock that was set back gives no negative one', () => {
  expect([age(0n, 1), isoTime(0n)]).toEqual(['-', undefined]);
  expect(age(BigInt(Date.UTC(2030, 1)) * 1_000_000n, Date.UTC(2020, 1))).toBe('0s');
  expect(isoTime(1_700_000_000_123_456_789n)).toBe('2023-11-14T22:13:20.123Z');
});

test.each([
  [0n, '0B'],
  [999n, '999B'],
  [1000n, '1.0kB'],
  [4_212_345n, '4.2MB'],
  [99_960_000n, '100MB'],
  [316_000_000n, '316MB'],
  [999_900_000n, '1.0GB'],
  [5_000_000_000_000n, '5.0TB'],
])('%s bytes are %s', (bytes, text) => {
  expect(size(bytes)).toBe(text);
});

test('tables align, and an empty one has its titles', () => {
  const columns = [
    { title: 'A', text: ({ a }: { a: string }) => a },
    { title: 'N', text: ({ n }: { a: string; n: string }) => n, right: true },
  ];
  expect(
    table(columns, [
      { a: 'long one', n: '1' },
      { a: 'x', n: '22' },
    ]),
  ).toBe('A          N\nlong one   1\nx         22\n');
  expect(table(columns, [])).toBe('A  N\n');
  expect(
    facts([
      ['a', '1'],
      ['long', ''],
    ]),
  ).toBe('a:    1\nlong:\n');
});

test('JSON has bytes as text and keeps what a double cannot', () => {
  expect(JSON.parse(json({ key: Buffer.from('value'), small: 5n, big: 2n ** 60n, list: [1n] }))).toEqual({
    key: 'value',
    small: 5,
    big: '1152921504606846976',
    list: [1],
  });
});

test('JSON has no control character by itself', () => {
  const name = 'a\u001b[2J\u009b31m\u007f';
  expect(json({ name })).toBe('{\n  "name": "a\\u001b[2J\\u009b31m\\u007f"\n}\n');
  expect(JSON.parse(json({ name }))).toEqual({ name });
});

test('durations and counts', () => {
  expect(['500ms', '10s', '10', '2m', '1.5h'].map(parseDuration)).toEqual([500, 10_000, 10_000, 120_000, 5_400_000]);
  for (const text of ['', '0', '-1s', '5 s', '1d']) expect(() => parseDuration(text)).toThrow(usage);
  expect(parseCount('--tail', '0')).toBe(0);
  for (const text of ['', '-1', '1.5', 'all']) expect(() => parseCount('--tail', text)).toThrow(usage);
});

test('run’s own arguments', () => {
  expect(parseEnv('A=', {})).toEqual({ key: 'A', value: '' });
  expect(parseEnv('A=x\ny', {})).toEqual({ key: 'A', value: 'x\ny' });
  expect(() => parseEnv('=x', {})).toThrow(usage);
  expect(parseVolume('data:/d')).toEqual({ hostPath: `${process.cwd()}/data`, containerPath: '/d', readonly: false });
  for (const text of ['/a', ':/b', '/a:/b:rx', '/a:/b:ro:z', '']) expect(() => parseVolume(text)).toThrow(usage);
  expect(parseUser('0')).toEqual({ kind: 'id', uid: 0n, gid: undefined });
  expect(parseUser('www-data')).toEqual({ kind: 'name', name: 'www-data' });
  expect(() => parseUser('')).toThrow(usage);
  expect(runName(undefined, 'registry:5000/Some.Org/My_Image:v1@sha256:00')).toMatch(/^my-image-[0-9a-f]{6}$/);
  expect(runName(undefined, '///')).toMatch(/^container-[0-9a-f]{6}$/);
});

test('failures are one line, and a broken pipe is silent', () => {
  expect(oneLine(' a \r\n  b\u001b[31m\n')).toBe('a | b?[31m');
  expect(failureOf(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))).toEqual({
    status: 141,
    line: undefined,
  });
  expect(failureOf('text')).toEqual({ status: 1, line: 'text' });
});

test('published ports', () => {
  const port = { protocol: Protocol.TCP, hostPort: 8080, containerPort: 80, hostIp: '' };
  expect(parsePublish('8080:80')).toEqual(port);
  expect(parsePublish('8080:80/TCP')).toEqual(port);
  expect(parsePublish('127.0.0.1:8080:80/udp')).toEqual({ ...port, protocol: Protocol.UDP, hostIp: '127.0.0.1' });
  expect(parsePublish('[2001:db8::1]:8080:80/sctp')).toEqual({
    ...port,
    protocol: Protocol.SCTP,
    hostIp: '2001:db8::1',
  });
  const wrong = [
    '',
    '80',
    ':80',
    '8080:',
    '0:80',
    '65536:80',
    '8080:80/icmp',
    '8080:80/',
    'host:1:2',
    '::1:80:80',
    '[::1:80:80',
  ];
  for (const text of [...wrong, '1:2:3:4', '300.0.0.1:1:2', '[127.0.0.1]:1:2', '8080-8090:80']) {
    expect(() => parsePublish(text)).toThrow(usage);
  }
});

test('forwarded ports and addresses', () => {
  expect(['80', '8080:80', ':80', '0:80'].map(parseForward)).toEqual([
    { local: 80, remote: 80 },
    { local: 8080, remote: 80 },
    { local: 0, remote: 80 },
    { local: 0, remote: 80 },
  ]);
  for (const text of ['', ':', '0', '80:', '80:0', '1:2:3', 'http', '65536']) {
    expect(() => parseForward(text)).toThrow(usage);
  }
  expect(parseAddresses(['::1', '127.0.0.1', '::1'])).toEqual(['::1', '127.0.0.1']);
  expect(() => parseAddresses(['localhost'])).toThrow(usage);
});

test('the speed is that of the last seconds', () => {
  const speed = new Speed();
  expect(speed.of(0, 0)).toBe(0);
  expect(speed.of(500, 500)).toBe(1000);
  expect(speed.of(500, 4000)).toBe(125);
  expect(speed.of(500, 20_000)).toBe(0);
});
