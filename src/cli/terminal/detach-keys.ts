import { Option } from 'commander';
import { Transform, type TransformCallback } from 'node:stream';
import { usageError } from '../failure';

/** What leaves a session where nothing else is said, as docker's users know it. */
export const defaultDetachKeys = 'ctrl-p,ctrl-q';

/** `--detach-keys`, as text: `parseDetachKeys` reads it. */
export const detachKeysOption = (): Option =>
  new Option('--detach-keys <keys>', 'keys that leave a terminal; empty for none').default(defaultDetachKeys);

/**
 * Keys with commas between them, as the bytes that a terminal sends: a character of its own, or ctrl- and a letter or one of
 * `@ [ \ ] ^ _`. Empty for none.
 */
export function parseDetachKeys(text: string): Buffer {
  return Buffer.from(text === '' ? [] : text.split(',').map((key) => keyByte(key, text)));
}

function keyByte(key: string, text: string): number {
  const [, control] = /^ctrl-([a-z@[\\\]^_])$/i.exec(key) ?? [];
  // A terminal sends ctrl with a letter as the letter's place in the alphabet.
  if (control !== undefined) return control.toUpperCase().charCodeAt(0) - 64;
  if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
  throw usageError(
    `--detach-keys ${JSON.stringify(text)}: use keys with commas between them, as in ctrl-p,ctrl-q or ctrl-],q`,
  );
}

/**
 * Passes input on until the keys have been pressed one after the other; what could become them is held back until it is clear.
 * Then it calls `onDetach`, and passes nothing on any more.
 */
export class DetachFilter extends Transform {
  private held: number[] = [];
  private over = false;

  constructor(
    private readonly keys: Buffer,
    private readonly onDetach: () => void,
  ) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const out: number[] = [];
    for (const byte of this.over ? [] : chunk) {
      this.held.push(byte);
      while (!this.mayBecomeKeys()) out.push(...this.held.splice(0, 1));
      if (this.held.length < this.keys.length) continue;
      this.over = true;
      this.onDetach();
      break;
    }
    done(null, Buffer.from(out));
  }

  override _flush(done: TransformCallback): void {
    done(null, this.over ? null : Buffer.from(this.held));
  }

  private mayBecomeKeys(): boolean {
    return this.held.every((byte, index) => byte === this.keys[index]);
  }
}
