/** What a walk over valid JSON is about: strings, brackets, commas. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],]/g;

interface Frame {
  /** An object's keys so far; undefined for an array. */
  readonly keys: Set<string> | undefined;
  /** The key or the index that is being read. */
  at: string | number;
}

/**
 * Reads JSON of which there is one reading only: no key comes twice in an object (parsers differ in which one counts),
 * and none is `__proto__`. Throws SyntaxError, with the path of the key.
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  const value: unknown = JSON.parse(text);
  const open: Frame[] = [];
  let keyComes = false;
  for (const [token] of text.matchAll(tokens)) {
    const top = open.at(-1);
    if (token === '{' || token === '[') {
      open.push(token === '{' ? { keys: new Set(), at: '' } : { keys: undefined, at: 0 });
      keyComes = token === '{';
    } else if (token === '}' || token === ']') {
      open.pop();
      keyComes = false;
    } else if (token === ',') {
      if (typeof top?.at === 'number') top.at++;
      keyComes = top?.keys !== undefined;
    } else if (keyComes && top?.keys) {
      top.at = String(JSON.parse(token));
      keyComes = false;
      if (top.keys.has(top.at)) throw new SyntaxError(`${pathOf(open)}: the key comes twice`);
      if (top.at === '__proto__') throw new SyntaxError(`${pathOf(open)}: no key has this name`);
      top.keys.add(top.at);
    }
  }
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SyntaxError('it is not UTF-8', { cause });
  }
}

function pathOf(open: readonly Frame[]): string {
  return open
    .map(({ at }, depth) => (typeof at === 'number' ? `[${at}]` : `${depth > 0 ? '.' : ''}${at}`))
    .join('')
    .slice(0, 300);
}
