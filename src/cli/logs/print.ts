import { type Io, write } from '../io';
import type { LogRecord } from './record';

/** Writes records as the program wrote them: each to its own stream, the parts of a line joined. */
export class LogPrinter {
  private readonly midLine = { stdout: false, stderr: false };

  constructor(
    private readonly io: Pick<Io, 'stdout' | 'stderr'>,
    /** Put each line's time before it. */
    private readonly timestamps: boolean,
  ) {}

  async print({ time, stream, partial, text }: LogRecord): Promise<void> {
    const prefix = this.timestamps && !this.midLine[stream] && time !== '' ? `${time} ` : '';
    this.midLine[stream] = partial;
    await write(this.io[stream], Buffer.concat([Buffer.from(prefix), text, Buffer.from(partial ? '' : '\n')]));
  }
}
