import { type Io, write } from '../io';
import type { LogRecord } from './record';

/** Writes records as the program wrote them: each to its own stream, the parts of a line joined. */
export class LogPrinter {
  private readonly midLine = { stdout: false, stderr: false };
  private readonly skip: { stdout: number; stderr: number };

  constructor(
    private readonly io: Pick<Io, 'stdout' | 'stderr'>,
    /** Put each line's time before it. */
    private readonly timestamps: boolean,
    /** Bytes of each stream that have been written already: the log's first ones are left out. */
    written: { readonly stdout: number; readonly stderr: number } = { stdout: 0, stderr: 0 },
  ) {
    this.skip = { ...written };
  }

  async print({ time, stream, partial, text }: LogRecord): Promise<void> {
    const prefix = this.timestamps && !this.midLine[stream] && time !== '' ? `${time} ` : '';
    this.midLine[stream] = partial;
    const bytes = Buffer.concat([Buffer.from(prefix), text, Buffer.from(partial ? '' : '\n')]);
    const skipped = Math.min(this.skip[stream], bytes.length);
    this.skip[stream] -= skipped;
    if (skipped < bytes.length) await write(this.io[stream], bytes.subarray(skipped));
  }
}
