import { parseReference, qualify, type Reference, type ShortReference } from '../reference';
import type { RegistriesConf } from './load';

/** The full names that a short name may mean, most preferred first. */
export interface Candidates {
  /** `alias` is one name and certain; `search` are guesses. */
  readonly kind: 'alias' | 'search';
  readonly references: readonly Reference[];
}

/** An alias if there is one, else the name at each search registry. */
export function candidatesOf(conf: RegistriesConf, short: ShortReference): Candidates {
  const alias = conf.aliases.get(short.path);
  if (alias !== undefined) {
    const target = parseReference(alias);
    if (target.kind === 'full') return { kind: 'alias', references: [{ ...target, version: short.version }] };
  }
  return { kind: 'search', references: conf.searchRegistries.map((registry) => atRegistry(registry, short)) };
}

// A search registry may carry a path: `registry.example.com/team`.
function atRegistry(registry: string, short: ShortReference): Reference {
  const [host = registry, ...folder] = registry.split('/');
  return qualify({ ...short, path: [...folder, short.path].join('/') }, host);
}
