import { BerthError } from '../errors/berth-error';
import { failpoints, type Failpoint } from './steps';

/** What happens at a failpoint: an error, the death of berthd, or a wait in milliseconds. */
export type FailAction =
  { readonly kind: 'error' } | { readonly kind: 'kill' } | { readonly kind: 'delay'; readonly ms: number };

/** A failpoint as the environment asks for it; `times` is how often it acts, Infinity unless a count is given. */
export interface ArmedFailpoint {
  readonly name: Failpoint;
  readonly action: FailAction;
  readonly times: number;
}

const term = /^(?:(?<word>error|kill)|delay\((?<ms>\d{1,6})\))(?:\*(?<times>[1-9]\d{0,5}))?$/;

/**
 * Reads `name=action` pairs, separated by semicolons: `error`, `kill` or `delay(<ms>)`, each with `*<times>` or for ever.
 * @throws `config-invalid` for a name that is not known, with those that are, and for an action that is none.
 */
export function parseFailpoints(text: string): readonly ArmedFailpoint[] {
  const pairs = text.split(';').map((pair) => pair.trim());
  return pairs.filter((pair) => pair !== '').map(parsePair);
}

function parsePair(pair: string): ArmedFailpoint {
  const cut = pair.includes('=') ? pair.indexOf('=') : pair.length;
  const [asked, action] = [pair.slice(0, cut), pair.slice(cut + 1)];
  const name = failpoints.find((known) => known === asked);
  if (!name) {
    throw invalid(`${JSON.stringify(asked)} is no failpoint`, `use one of: ${failpoints.join(', ')}`);
  }
  const { word, ms, times } = term.exec(action)?.groups ?? {};
  const often = times === undefined ? Infinity : Number(times);
  if (ms !== undefined) return { name, action: { kind: 'delay', ms: Number(ms) }, times: often };
  if (word === 'error' || word === 'kill') return { name, action: { kind: word }, times: often };
  const remedy = 'use error, kill or delay(<ms>), with *<times> where it is not for ever';
  throw invalid(`${JSON.stringify(action)} is no action of ${name}`, remedy);
}

function invalid(detail: string, remedy: string): BerthError {
  return new BerthError('config-invalid', { op: 'start', object: 'BERTH_FAILPOINTS', detail, remedy });
}
