import { BerthError } from '../base';

/** Numbers of signal(7) on x86 and ARM. */
const numbers: Readonly<Record<string, number>> = {
  ABRT: 6,
  ALRM: 14,
  BUS: 7,
  CHLD: 17,
  CLD: 17,
  CONT: 18,
  FPE: 8,
  HUP: 1,
  ILL: 4,
  INT: 2,
  IO: 29,
  IOT: 6,
  KILL: 9,
  PIPE: 13,
  POLL: 29,
  PROF: 27,
  PWR: 30,
  QUIT: 3,
  SEGV: 11,
  STKFLT: 16,
  STOP: 19,
  SYS: 31,
  TERM: 15,
  TRAP: 5,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  USR1: 10,
  USR2: 12,
  VTALRM: 26,
  WINCH: 28,
  XCPU: 24,
  XFSZ: 25,
};

/** libc's: the kernel's 32 and 33 belong to the threads library. */
const rtMin = 34;
const rtMax = 64;

/** CRI's enum Signal: 1 to 34 are the names in alphabetical order, then RTMIN to RTMIN+15, RTMAX-14 to RTMAX. */
const criNames = Object.keys(numbers);
const criRtMin = criNames.length + 1;
const criRtMaxMinus14 = criRtMin + 16;

/**
 * The signal that stops a container: CRI's, else the image's, else SIGTERM.
 * @param cri value of enum Signal; 0 is not set.
 * @param image `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`, `RTMAX-2`, any case; empty is not set.
 * @throws `argument-invalid` for what is no signal.
 */
export function stopSignal(cri: number, image: string): number {
  if (cri !== 0) return fromCri(cri);
  if (image.trim() === '') return 15;
  const number = parseSignal(image.trim());
  if (number !== undefined) return number;
  throw invalid(`the image's StopSignal is ${JSON.stringify(image)}: no signal of Linux`);
}

function fromCri(cri: number): number {
  const name = criNames[cri - 1];
  if (name !== undefined) return numbers[name] ?? 0;
  if (cri >= criRtMin && cri < criRtMaxMinus14) return rtMin + (cri - criRtMin);
  if (cri >= criRtMaxMinus14 && cri <= criRtMaxMinus14 + 14) return rtMax - 14 + (cri - criRtMaxMinus14);
  throw invalid(`stop_signal is ${cri}: no value of CRI's Signal`);
}

function parseSignal(text: string): number | undefined {
  if (/^\d{1,2}$/.test(text)) return inRange(Number(text));
  const name = text.toUpperCase().replace(/^SIG/, '');
  if (Object.hasOwn(numbers, name)) return numbers[name];
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime === null) return undefined;
  const [, base, sign, digits = '0'] = realTime;
  const offset = sign === '-' ? -Number(digits) : Number(digits);
  const number = (base === 'MIN' ? rtMin : rtMax) + offset;
  return number >= rtMin ? inRange(number) : undefined;
}

function inRange(number: number): number | undefined {
  return number >= 1 && number <= rtMax ? number : undefined;
}

function invalid(detail: string): BerthError {
  return new BerthError('argument-invalid', { op: 'CreateContainer', object: 'stop signal', detail });
}
