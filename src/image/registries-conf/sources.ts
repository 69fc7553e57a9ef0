import { BerthError } from '../../base';
import { type Reference, repositoryOf, textOf } from '../reference';
import type { RegistriesConf } from './load';

/** One place that an image may come from. */
export interface PullSource {
  readonly kind: 'mirror' | 'primary';
  /** Host and port, in names' terms (`docker.io`). */
  readonly host: string;
  readonly path: string;
  /** Unverified TLS, and plain http if TLS is not spoken. */
  readonly insecure: boolean;
}

type RegistryConf = RegistriesConf['registries'][number];

/** Where to try, in order: the mirrors that serve this kind of reference, then the registry. Throws `image-blocked`. */
export function pullSources(conf: RegistriesConf, reference: Reference): readonly PullSource[] {
  const match = matchRegistry(conf, reference);
  if (!match) return [{ kind: 'primary', host: reference.host, path: reference.path, insecure: false }];
  const { registry, length } = match;
  if (registry.blocked) {
    throw new BerthError('image-blocked', {
      op: 'pull',
      object: textOf(reference),
      detail: `registries.conf blocks ${registry.prefix ?? registry.location}`,
    });
  }
  const remainder = repositoryOf(reference).slice(length);
  const mirrors = registry.mirror
    .filter((mirror) => {
      const use = registry['mirror-by-digest-only'] ? 'digest-only' : (mirror['pull-from-mirror'] ?? 'all');
      return use === 'all' || use === `${reference.version.kind}-only`;
    })
    .map((mirror) => sourceAt('mirror', mirror.location + remainder, mirror.insecure));
  const primary = registry.location === undefined ? repositoryOf(reference) : registry.location + remainder;
  return [...mirrors, sourceAt('primary', primary, registry.insecure)];
}

/** The registry with the longest matching prefix, and how much of the name the prefix covers. */
export function matchRegistry(
  conf: RegistriesConf,
  reference: Reference,
): { readonly registry: RegistryConf; readonly length: number } | undefined {
  let best: { registry: RegistryConf; length: number; specific: number } | undefined;
  for (const registry of conf.registries) {
    const prefix = registry.prefix ?? registry.location ?? '';
    const length = prefix.startsWith('*.') ? matchSubdomain(prefix, reference) : matchPrefix(prefix, reference);
    if (length !== undefined && prefix.length > (best?.specific ?? -1)) {
      best = { registry, length, specific: prefix.length };
    }
  }
  return best;
}

// The character after a prefix ends a component: `example.com/a` is no prefix of `example.com/ab`.
function matchPrefix(prefix: string, reference: Reference): number | undefined {
  const text = textOf(reference);
  if (!text.startsWith(prefix)) return undefined;
  const next = text.charAt(prefix.length);
  return next === '' || ':/@'.includes(next) ? prefix.length : undefined;
}

function matchSubdomain(prefix: string, reference: Reference): number | undefined {
  const domain = reference.host.replace(/:[0-9]+$/, '');
  return domain.endsWith(prefix.slice(1)) ? domain.length : undefined;
}

function sourceAt(kind: PullSource['kind'], name: string, insecure: boolean): PullSource {
  const slash = name.indexOf('/');
  if (slash < 0) {
    throw new BerthError('config-invalid', {
      op: 'read registries.conf',
      object: `location ${name}`,
      detail: 'the prefix covers the whole name, so the location needs a repository behind the host',
    });
  }
  return { kind, host: name.slice(0, slash), path: name.slice(slash + 1), insecure };
}
