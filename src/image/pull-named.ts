import { BerthError, messageOf } from '../base';
import type { ImageRecord } from '../state';
import type { PullKeys } from './credentials';
import { type PullDeps, pullImage } from './pull';
import { type Reference, type ShortReference, textOf } from './reference';
import { candidatesOf, type RegistriesConf } from './registries-conf';

/** Pulls what a name means: a full one itself, a short one by alias, by what is local, or by the search registries. */
export async function pullNamed(
  deps: PullDeps,
  conf: RegistriesConf,
  reference: Reference | ShortReference,
  keys: PullKeys,
  signal: AbortSignal,
): Promise<ImageRecord> {
  if (reference.kind === 'full') return pullImage(deps, conf, reference, keys, signal);
  const { kind, references } = candidatesOf(conf, reference);
  const [first] = references;
  if (kind === 'alias' && first) return pullImage(deps, conf, first, keys, signal);

  const local = deps.store.findShort(reference);
  if (local) {
    // The local image says which registry was meant; one that no registry is configured for (a loaded one) is taken.
    const meant = references.find((candidate) => textOf(candidate) === local.name);
    if (meant) return pullImage(deps, conf, meant, keys, signal);
    if (deps.store.isWhole(local.image)) return local.image;
  }
  if (!first) throw shortNameError(reference, 'it has no host, and there are no search registries');
  if (references.length > 1 && conf.shortNameMode === 'enforcing') {
    throw shortNameError(reference, `it may mean ${references.map(textOf).join(' or ')}`);
  }
  return pullFirst(deps, conf, references, keys, signal);
}

async function pullFirst(
  deps: PullDeps,
  conf: RegistriesConf,
  references: readonly Reference[],
  keys: PullKeys,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const [reference, ...others] = references;
  if (!reference) throw new RangeError('a short name without candidates');
  try {
    return await pullImage(deps, conf, reference, keys, signal);
  } catch (error) {
    if (others.length === 0 || signal.aborted) throw error;
    deps.log.info({ image: textOf(reference), cause: messageOf(error) }, 'not pulled, trying the next search registry');
    return pullFirst(deps, conf, others, keys, signal);
  }
}

function shortNameError(reference: ShortReference, detail: string): BerthError {
  return new BerthError('image-short-name', { op: 'pull', object: textOf(reference), detail });
}
