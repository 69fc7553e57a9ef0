import { takePassedSocket } from '../../src/daemon/passed-socket';

const passed = (pid: string, count: string) => ({
  LISTEN_PID: pid,
  LISTEN_FDS: count,
  LISTEN_FDNAMES: 'cri',
  PATH: '/bin',
});

test('the one socket is the first descriptor behind the standard ones, and no child hears of it', () => {
  const environment = passed('7', '1');
  expect(takePassedSocket(environment, 7)).toBe(3);
  expect(environment).toEqual({ PATH: '/bin' });
});

test.each([
  ['nothing is passed', { PATH: '/bin' }],
  ['no socket is', passed('7', '0')],
  ['it is for another process', passed('8', '1')],
])('%s: none, and the variables are gone', (_what, environment) => {
  expect(takePassedSocket(environment, 7)).toBeUndefined();
  expect(environment).toEqual({ PATH: '/bin' });
});

test('two are refused', () => {
  expect(() => takePassedSocket(passed('7', '2'), 7)).toThrow(/LISTEN_FDS=2: CRI is served on one socket/);
});
