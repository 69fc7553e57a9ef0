import { BerthError, isBerthError } from '../../base';
import type { ImageRecord } from '../../state';
import type { Storage } from '../../storage';
import { parseReference, type Reference, textOf } from '../reference';
import { type Candidate, refusalOf } from './evaluate';
import { identityOf } from './identity';
import { stampOf } from './load';
import type { Policies, PolicyInForce } from './policies';
import type { Requirement } from './schema';
import { acceptsAnything, ruleFor } from './scopes';
import { decodeSignature, signatureLimit, type Signature } from './signature';

/** How long an acceptance is believed while no file changes: keys expire. Milliseconds. */
const trustMs = 10 * 60_000;
const cacheLimit = 2000;

/** A signature of berth's own form is base64 in JSON. Bytes. */
const keptLimit = 2 * signatureLimit;

/** Decides whether an image that is on this machine may be run, by the signatures that were kept when it was pulled. */
export class Recheck {
  /** Until when an acceptance is believed, and what the key files looked like. */
  private readonly accepted = new Map<string, { readonly until: number; readonly stamps: string }>();

  constructor(
    private readonly policies: Policies,
    private readonly storage: Pick<Storage, 'readBlob'>,
  ) {}

  /**
   * Throws `image-signature` if the policy of the namespace refuses the image. Asked for by a full name, it is that name
   * that counts; by an id, one of its names has to be accepted.
   */
  async check(image: ImageRecord, asked: string, namespace: string): Promise<void> {
    const inForce = await this.policies.current(namespace);
    const names = namesMeant(image, asked);
    if (names.some((name) => acceptsAnything(ruleFor(inForce.policy, name)))) return;
    const key = JSON.stringify([
      inForce.path,
      inForce.stamp,
      image.id,
      names.map((name) => name && textOf(name)),
      image.signatures,
    ]);
    const stamps = await keyStamps(inForce, names);
    const known = this.accepted.get(key);
    if (known && known.until > Date.now() && known.stamps === stamps) return;
    await this.decide(image, names, inForce);
    if (this.accepted.size >= cacheLimit) this.accepted.clear();
    this.accepted.set(key, { until: Date.now() + trustMs, stamps });
  }

  private async decide(
    image: ImageRecord,
    names: readonly (Reference | undefined)[],
    inForce: PolicyInForce,
  ): Promise<void> {
    const signatures = await this.keptSignatures(image);
    const digests = [image.manifestDigest, ...image.repoDigests.map((name) => name.slice(name.indexOf('@') + 1))];
    const reasons: string[] = [];
    for (const name of names) {
      const { requirements, key } = ruleFor(inForce.policy, name);
      const candidate: Candidate = { identity: name && identityOf(name), digests, signatures };
      const reason = await refusalOf(requirements, candidate);
      if (reason === undefined) return;
      reasons.push(`${key}: ${reason}`);
    }
    const [name] = names;
    throw new BerthError('image-signature', {
      op: 'CreateContainer',
      object: `image ${name ? textOf(name) : image.id}`,
      detail: `${inForce.path}, ${reasons[0] ?? 'it has no name'}`,
      ...(signatures.length === 0 && {
        remedy:
          'no signature was kept for it: pull it again (imagePullPolicy: Always); a loaded archive has none, so push it, sign it and pull it',
      }),
    });
  }

  private async keptSignatures({ signatures = [] }: ImageRecord): Promise<readonly Signature[]> {
    const blobs = await Promise.all(signatures.map((digest) => this.storage.readBlob(digest, keptLimit)));
    return blobs.filter((blob) => blob !== undefined).map(decodeSignature);
  }
}

/** Under which names the image is looked at; one without a name is looked at as that. */
function namesMeant({ repoTags, repoDigests }: ImageRecord, asked: string): readonly (Reference | undefined)[] {
  const names = [...repoTags, ...repoDigests].map(fullName).filter((name) => name !== undefined);
  const meant = parse(asked);
  if (meant?.kind === 'full') return [meant];
  const ending = meant && `/${textOf(meant)}`;
  const called = ending === undefined ? [] : names.filter((name) => textOf(name).endsWith(ending));
  if (called.length > 0) return called;
  return names.length > 0 ? names : [undefined];
}

function fullName(text: string): Reference | undefined {
  const name = parse(text);
  return name?.kind === 'full' ? name : undefined;
}

function parse(text: string): ReturnType<typeof parseReference> | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    // An id is no name.
    if (isBerthError(error, 'image-reference-invalid')) return undefined;
    throw error;
  }
}

/** Changes whenever a key does that decides about one of the names. */
async function keyStamps({ policy }: PolicyInForce, names: readonly (Reference | undefined)[]): Promise<string> {
  const paths = names.flatMap((name) => ruleFor(policy, name).requirements.flatMap(keyFiles));
  return (await Promise.all([...new Set(paths)].map(stampOf))).join();
}

function keyFiles(requirement: Requirement): readonly string[] {
  switch (requirement.type) {
    case 'signedBy':
      return requirement.keys.paths;
    case 'sigstoreSigned':
      return [...requirement.keys.paths, ...requirement.rekorKeys.paths];
    default:
      return [];
  }
}
