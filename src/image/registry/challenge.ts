/** One way to authenticate that a registry offers. Scheme and keys in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const separator = /[\s,]+/y;
const equals = /\s*=\s*/y;
const quoted = /"((?:[^"\\]|\\.)*)"/y;

/**
 * Reads every challenge of WWW-Authenticate (RFC 9110, section 11.6.1), several to a header or several headers.
 * What cannot be read ends its header; what was read before it counts.
 */
export function parseChallenges(header: string | readonly string[] | undefined): readonly Challenge[] {
  const headers = typeof header === 'string' ? [header] : (header ?? []);
  return headers.flatMap((line) => parseLine(line));
}

function parseLine(line: string): Challenge[] {
  const challenges: { scheme: string; params: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(line) ?? undefined;
    if (match) at = pattern.lastIndex;
    return match;
  };
  while (at < line.length) {
    take(separator);
    const word = take(token)?.[0];
    if (word === undefined) break;
    // A word before `=` is a parameter of the challenge at hand, any other one begins the next.
    if (take(equals) === undefined) {
      challenges.push({ scheme: word.toLowerCase(), params: new Map() });
      continue;
    }
    const text = take(quoted)?.[1]?.replace(/\\(.)/g, '$1') ?? take(token)?.[0];
    if (text === undefined) break;
    challenges.at(-1)?.params.set(word.toLowerCase(), text);
  }
  return challenges;
}
