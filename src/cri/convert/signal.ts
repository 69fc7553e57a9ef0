import { constants } from 'node:os';
import { Signal } from '../../wire';

/** The real-time signals of Linux begin and end here; below them every signal has a name of its own. */
const rtMin = 34;
const rtMax = 64;

/** Numbers with two names: the one that CRI clients expect. */
const preferred: Readonly<Record<string, Signal>> = {
  SIGABRT: Signal.SIGNAL_SIGABRT,
  SIGIO: Signal.SIGNAL_SIGIO,
  SIGCHLD: Signal.SIGNAL_SIGCHLD,
};

/** CRI's value for a signal number of this machine; RUNTIME_DEFAULT for a number that CRI has no name for. */
export function criSignal(number: number): Signal {
  if (number >= rtMin && number <= rtMax) return Signal.SIGNAL_SIGRTMIN + (number - rtMin);
  const names = Object.entries(constants.signals).flatMap(([name, value]) => (value === number ? [name] : []));
  for (const name of names) {
    const signal = preferred[name];
    if (signal !== undefined) return signal;
  }
  for (const name of names) {
    const signal = Object.entries(Signal).find(([key]) => key === `SIGNAL_${name}`)?.[1];
    if (typeof signal === 'number') return signal;
  }
  return Signal.SIGNAL_RUNTIME_DEFAULT;
}
