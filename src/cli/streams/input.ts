import type { Writable } from 'node:stream';
import type { Io } from '../io';
import { DetachFilter } from '../terminal/detach-keys';

/** Our input on its way into a session, until it is disposed of: then nothing reads it any more. */
export interface Input extends Disposable {
  /** Resolves when the detach keys have been pressed; else it stays pending. */
  readonly detached: Promise<void>;
}

/** Passes our input on, its end too; the keys, if any are given, are looked for in it. */
export function passInput(io: Io, to: Writable, detachKeys: Buffer): Input {
  let detach: () => void = () => undefined;
  const detached = new Promise<void>((resolve) => (detach = resolve));
  // The command need not read to the end: what it leaves is of no consequence, here as in a shell.
  to.on('error', () => undefined);
  const first = detachKeys.length === 0 ? to : new DetachFilter(detachKeys, detach);
  if (first !== to) first.pipe(to);
  io.stdin.on('error', () => first.end()).pipe(first);
  return {
    detached,
    // A terminal or a pipe that is still read would keep berth from ending.
    [Symbol.dispose]: () => void io.stdin.unpipe(first).destroy(),
  };
}
