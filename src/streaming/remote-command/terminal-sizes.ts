import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { TerminalSize } from '../target';
import { Latest } from './latest';

/** No size is longer than this, spaces included: more without an end is something else. */
const maxHeld = 256;

const dimension = z.number().int().min(1).max(65535);
const sizeSchema = z
  .object({ Width: dimension, Height: dimension })
  .transform(({ Width, Height }): TerminalSize => ({ width: Width, height: Height }));

/** Cuts a resize stream, `{"Width":80,"Height":24}` after `{"Width":…`, into sizes. What is none is passed over. */
export class SizeDecoder {
  private held = '';

  /** The sizes that end in these bytes. What never ends costs no more than `maxHeld` characters. */
  read(chunk: Uint8Array): TerminalSize[] {
    const sizes: TerminalSize[] = [];
    // Sizes are ASCII; whatever else comes is no size in any encoding.
    const parts = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1').split('}');
    for (const part of parts.slice(0, -1)) {
      const size = sizeOf(this.held + part);
      if (size) sizes.push(size);
      this.held = '';
    }
    this.held = (this.held + (parts.at(-1) ?? '')).slice(0, maxHeld);
    return sizes;
  }
}

/** What stands before a closing brace, as a size: from the last opening one on. */
function sizeOf(text: string): TerminalSize | undefined {
  const from = text.lastIndexOf('{');
  if (from < 0 || text.length - from > maxHeld) return undefined;
  try {
    return sizeSchema.safeParse(JSON.parse(`${text.slice(from)}}`)).data;
  } catch {
    // No JSON: passed over as the rest.
    return undefined;
  }
}

/** The sizes that come over a stream, read at once and without end: only the newest waits for its reader. */
export function terminalSizes(input: Readable): AsyncIterable<TerminalSize> {
  const decoder = new SizeDecoder();
  const latest = new Latest<TerminalSize>();
  input.on('data', (chunk: Buffer) => {
    const size = decoder.read(chunk).at(-1);
    if (size) latest.put(size);
  });
  input.on('close', () => latest.end());
  return latest;
}
