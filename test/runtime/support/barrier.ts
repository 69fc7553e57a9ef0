import { execFileSync } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';

/**
 * Holds shells back until all are let go at once. A shell opens `gate` for reading, then writes a line to `ready`, then
 * reads `gate` to its end; both are fifos in the root file system, where containers see them too.
 */
export class Barrier implements Disposable {
  private readonly gate: Socket;
  private readonly ready: Socket;
  private waiting = 0;
  private arrived: () => void = () => undefined;

  constructor(rootfs: string) {
    this.gate = openFifo(join(rootfs, 'gate'));
    this.ready = openFifo(join(rootfs, 'ready'));
    this.ready.on('data', (data) => {
      this.waiting += data.length;
      this.arrived();
    });
  }

  /** Resolves when so many have arrived. */
  async full(count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.arrived = () => this.waiting >= count && resolve();
      this.arrived();
    });
  }

  /** Lets all go: the only writer leaves, and every reader sees the end. */
  release(): void {
    this.gate.destroy();
  }

  [Symbol.dispose](): void {
    this.gate.destroy();
    this.ready.destroy();
  }
}

/** Open at both ends from the first moment: nobody's open waits, and who has it open is let go for certain. */
function openFifo(path: string): Socket {
  execFileSync('mkfifo', [path]);
  return new Socket({ fd: openSync(path, constants.O_RDWR | constants.O_NONBLOCK) });
}
