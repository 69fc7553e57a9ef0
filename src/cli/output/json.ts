/**
 * JSON for scripts: bytes as text, 64-bit numbers as numbers where that is exact and as text otherwise. No control character is in
 * it but by its number: names come from images and clusters, and the reader may be a terminal.
 */
export function json(value: unknown): string {
  return safe(JSON.stringify(value, plain, 2));
}

/** The same in one line, of which a stream has one for each value. */
export function jsonLine(value: unknown): string {
  return safe(JSON.stringify(value, plain));
}

function safe(text: string): string {
  // Those below a space JSON itself has no room for.
  return `${text.replace(/[\u007f-\u009f]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`)}\n`;
}

function plain(this: unknown, key: string, value: unknown): unknown {
  // Buffer's own toJSON has run already: the holder still has the bytes.
  const raw: unknown = this instanceof Object ? Reflect.get(this, key) : value;
  if (raw instanceof Uint8Array) return Buffer.from(raw).toString('utf8');
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
