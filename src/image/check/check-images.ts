import { messageOf, throwIfAborted } from '../../base';
import type { ImageRecord } from '../../state';
import type { Damage } from '../../storage';
import type { PullDeps } from '../pull';
import type { RegistriesConf } from '../registries-conf';
import { asideEvents } from './aside';
import { readDocuments, type Documents } from './documents';
import type { CheckEvent, CheckRequest, Finding, ImageUser } from './events';
import { mendImage, nameOf } from './mend-image';

export interface CheckDeps {
  readonly pull: PullDeps;
  readonly conf: RegistriesConf;
  /** All images, those that lack layers too. */
  readonly images: () => readonly ImageRecord[];
  readonly users: () => Iterable<ImageUser>;
}

/** A layer that is not as it has to be. */
interface BadLayer {
  readonly damages: readonly Damage[];
  /** Why it could not be made anew, so far. */
  failure: unknown;
}

/**
 * Checks images, layers and blobs, and repairs what it may. Images first: a layer can be judged only when those below
 * it are there. What cannot be repaired stays as it is, in use or not: nothing is removed that has no replacement.
 */
export async function* checkImages(
  deps: CheckDeps,
  request: CheckRequest,
  signal: AbortSignal,
): AsyncGenerator<CheckEvent> {
  const tell = teller(deps, request);
  const documents: Documents[] = [];
  for (const image of deps.images()) {
    throwIfAborted(signal, 'check', nameOf(image));
    const { read, problems } = await checkImage(deps, request, image, signal);
    documents.push(read);
    for (const problem of problems) yield tell(problem, [image]);
  }
  const bad = new Map<string, BadLayer>();
  let layers = 0;
  const check = { quick: request.quick, sizes: sizesOf(documents) };
  for await (const { chainId, done, total, damages } of deps.pull.storage.check.layers(check, signal)) {
    layers = total;
    yield { progress: { done, total, object: chainId } };
    if (damages.length > 0) bad.set(chainId, { damages, failure: undefined });
  }
  const mended = request.repair ? await repairLayers(deps, documents, bad, signal) : new Set<string>();
  for (const [chainId, { damages, failure }] of bad) {
    const images = deps.images().filter((image) => image.chainIds.includes(chainId));
    for (const { kind, detail } of damages) {
      const outcome = kind === 'unchecked' ? 'found' : outcomeOf(request, mended.has(chainId));
      const more = outcome === 'failed' ? `; not repaired: ${messageOf(failure ?? 'no image names it')}` : '';
      yield tell({ kind, object: chainId, detail: `${detail}${more}`, outcome }, images);
    }
  }
  const { collector, storage } = deps.pull;
  for (const path of await collector.alone((keep) => storage.check.leftovers(keep, request.repair))) {
    yield tell({ kind: 'leftover', object: path, detail: 'nothing needs it', outcome: outcomeOf(request, true) }, []);
  }
  yield* asideEvents(deps, request);
  yield { summary: { images: documents.length, layers } };
}

/** An image's own documents, and whether every layer of it has a record; both are mended at once. */
async function checkImage(
  { pull, conf }: CheckDeps,
  request: CheckRequest,
  image: ImageRecord,
  signal: AbortSignal,
): Promise<{ readonly read: Documents; readonly problems: readonly Finding[] }> {
  const read = await readDocuments(pull.storage, image);
  const findings = read.damages.map(({ kind, digest, detail }) => ({ kind, object: digest, detail }));
  const incomplete = { kind: 'image-incomplete', object: nameOf(image), detail: 'layers of it are missing' } as const;
  const all = pull.storage.hasLayers(image.chainIds) ? findings : [...findings, incomplete];
  if (all.length === 0 || !request.repair) {
    return { read, problems: all.map((finding) => ({ ...finding, outcome: 'found' })) };
  }
  try {
    await mendImage(pull, conf, read, new Set(), signal);
    pull.store.refresh();
    const again = await readDocuments(pull.storage, image);
    return { read: again, problems: all.map((finding) => ({ ...finding, outcome: 'repaired' })) };
  } catch (error) {
    throwIfAborted(signal, 'check', nameOf(image));
    const failed = (detail: string) => `${detail}; not repaired: ${messageOf(error)}`;
    return { read, problems: all.map((one) => ({ ...one, detail: failed(one.detail), outcome: 'failed' })) };
  }
}

/** Mends by one image after another what is bad of it; gives what has been mended. A layer of two images has two chances. */
async function repairLayers(
  { pull, conf }: CheckDeps,
  documents: readonly Documents[],
  bad: ReadonlyMap<string, BadLayer>,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const mended = new Set<string>();
  for (const read of documents) {
    const own = read.image.chainIds.filter((id) => !mended.has(id) && bad.get(id)?.damages.some(isDamage));
    if (own.length === 0) continue;
    try {
      await mendImage(pull, conf, read, new Set(own), signal);
      for (const id of own) mended.add(id);
    } catch (error) {
      throwIfAborted(signal, 'check', nameOf(read.image));
      for (const id of own) {
        const layer = bad.get(id);
        if (layer) layer.failure = error;
      }
    }
  }
  pull.store.refresh();
  return mended;
}

const isDamage = ({ kind }: Damage): boolean => kind !== 'unchecked';

function outcomeOf({ repair }: CheckRequest, mended: boolean): Finding['outcome'] {
  if (!repair) return 'found';
  return mended ? 'repaired' : 'failed';
}

function sizesOf(documents: readonly Documents[]): ReadonlyMap<string, bigint> {
  const layers = documents.flatMap(({ content }) => content?.manifest.layers ?? []);
  return new Map(layers.map(({ digest, size }) => [digest, BigInt(size)]));
}

/** Adds to a finding whom it concerns and what is to be done. */
function teller({ users }: CheckDeps, request: CheckRequest) {
  return (finding: Finding, images: readonly ImageRecord[]): CheckEvent => {
    const ids = new Set(images.map(({ id }) => id));
    const containers = [...users()].filter(({ imageId }) => ids.has(imageId)).map(({ containerId }) => containerId);
    const names = images.map(nameOf);
    return {
      problem: { ...finding, images: names, containers, remedy: remedyOf(finding, names, containers, request) },
    };
  };
}

function remedyOf(
  { kind, outcome }: Finding,
  [name]: readonly string[],
  containers: readonly string[],
  { quick }: CheckRequest,
): string {
  if (outcome === 'repaired') {
    const inUse = kind.startsWith('layer-') && containers.length > 0;
    return inUse ? 'containers that run have the old files until they are made anew' : '';
  }
  if (outcome === 'failed' && kind === 'image-incomplete') {
    return `when the registry can be asked, \`berth check --repair\` or \`berth pull ${name ?? ''}\``;
  }
  if (outcome === 'failed' && name !== undefined) {
    return `when the registry can be asked, \`berth check --repair\`; or \`berth rmi ${name}\` and \`berth pull ${name}\``;
  }
  if (kind === 'unchecked') return 'see what it says, then check again';
  if (kind === 'image-incomplete') return `\`berth check --repair\` or \`berth pull ${name ?? ''}\` brings them back`;
  return `\`berth check --repair\` ${kind === 'leftover' ? 'removes it' : 'brings it back'}${quick ? '; this was a quick check' : ''}`;
}
