import { readFileSync } from 'node:fs';

/** Linux counts processor time in hundredths of a second (USER_HZ), on every architecture that berth runs on. */
const tickMs = 10;

/** How long the processors have idled since boot, in milliseconds, all of them together (proc(5), /proc/stat). */
export function processorIdleMs(): number {
  // `cpu  <user> <nice> <system> <idle> …`. A file that the kernel makes on the spot never waits for a disk.
  return Number(readFileSync('/proc/stat', 'utf8').split(/ +/, 5)[4]) * tickMs;
}
