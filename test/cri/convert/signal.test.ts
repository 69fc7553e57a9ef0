import { criSignal } from '../../../src/cri/convert/signal';
import { Signal } from '../../../src/wire';

test.each([
  [1, 'SIGNAL_SIGHUP'],
  [3, 'SIGNAL_SIGQUIT'],
  [6, 'SIGNAL_SIGABRT'],
  [9, 'SIGNAL_SIGKILL'],
  [15, 'SIGNAL_SIGTERM'],
  [17, 'SIGNAL_SIGCHLD'],
  [28, 'SIGNAL_SIGWINCH'],
  [29, 'SIGNAL_SIGIO'],
  [30, 'SIGNAL_SIGPWR'],
  [31, 'SIGNAL_SIGSYS'],
  [34, 'SIGNAL_SIGRTMIN'],
  [37, 'SIGNAL_SIGRTMINPLUS3'],
  [49, 'SIGNAL_SIGRTMINPLUS15'],
  [50, 'SIGNAL_SIGRTMAXMINUS14'],
  [63, 'SIGNAL_SIGRTMAXMINUS1'],
  [64, 'SIGNAL_SIGRTMAX'],
  [0, 'SIGNAL_RUNTIME_DEFAULT'],
  [33, 'SIGNAL_RUNTIME_DEFAULT'],
  [65, 'SIGNAL_RUNTIME_DEFAULT'],
])('signal %i is %s', (number, name) => {
  expect(Signal[criSignal(number)]).toBe(name);
});

test('every number of Linux that has a name has one in CRI', () => {
  const named = [...Array(31).keys()].map((index) => index + 1);
  expect(named.filter((number) => criSignal(number) === Signal.SIGNAL_RUNTIME_DEFAULT)).toEqual([]);
});
