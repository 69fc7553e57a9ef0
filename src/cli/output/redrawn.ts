import type { Writable } from 'node:stream';
import { write } from '../io';

/** Lines that are drawn over themselves. The cursor stands below them between two drawings: whoever writes next writes there. */
export class Redrawn {
  private lines = 0;

  constructor(private readonly to: Writable) {}

  async draw(lines: readonly string[]): Promise<void> {
    const back = this.lines > 0 ? `\u001b[${this.lines}A` : '';
    this.lines = lines.length;
    await write(this.to, `${back}\r\u001b[J${lines.map((line) => `${line}\n`).join('')}`);
  }
}
