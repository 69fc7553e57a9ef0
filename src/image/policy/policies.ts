import { join } from 'node:path';
import { readdir } from 'node:fs/promises';
import { errnoOf, type Log, messageOf } from '../../base';
import type { Reference } from '../reference';
import { isNamespace } from '../namespace';
import { missingPolicy, readPolicy, stampOf } from './load';
import type { Policy, Requirement } from './schema';
import { ruleFor } from './scopes';

/** Where policies are. */
export interface PolicyPaths {
  /** Named by the configuration, so that it has to exist; empty: `usual` if that exists. */
  readonly file: string;
  /** `<namespace>.json` of these holds for the pods of that namespace in place of the other. */
  readonly namespaceDir: string;
  /** registries.d: where signatures are. */
  readonly registriesDir: string;
}

/** Where every tool of the family looks (containers-policy.json(5)). */
const usual = '/etc/containers/policy.json';

/** A policy and the file it is of; the file's stamp says whether it still is. */
export interface PolicyInForce {
  readonly policy: Policy;
  readonly path: string;
  readonly stamp: string;
}

/** What there is without any policy. */
const acceptAll: Policy = { default: [{ type: 'insecureAcceptAnything' }], transports: {} };

/** Kinds of signatures that are looked for. */
export type SignatureKind = 'simple' | 'sigstore';

/** Which policy holds for whom. */
export class Policies {
  private readonly known = new Map<string, PolicyInForce>();
  private saidNone = false;

  constructor(
    private readonly where: { readonly policy: PolicyPaths },
    private readonly log: Log,
  ) {}

  /** The file that holds for the pods of this namespace alone, if there is one. */
  async ownFile(namespace: string): Promise<string | undefined> {
    if (!isNamespace(namespace)) return undefined;
    const path = join(this.where.policy.namespaceDir, `${namespace}.json`);
    return (await stampOf(path)) === '' ? undefined : path;
  }

  /** The policy for the pods of a namespace, read now. Throws `policy-invalid`. */
  async read(namespace: string): Promise<PolicyInForce> {
    return this.readFile((await this.ownFile(namespace)) ?? this.shared);
  }

  /** The same, but a file that has not changed since it was read last is not read again. */
  async current(namespace: string): Promise<PolicyInForce> {
    const path = (await this.ownFile(namespace)) ?? this.shared;
    const known = this.known.get(path);
    return known && known.stamp === (await stampOf(path)) ? known : this.readFile(path);
  }

  /** What signatures any policy of this machine may ask for an image of this name. */
  async kindsOfAll(reference: Reference): Promise<ReadonlySet<SignatureKind>> {
    const requirements: Requirement[] = [];
    for (const path of [this.shared, ...(await this.namespaceFiles())]) {
      try {
        const known = this.known.get(path);
        const { policy } = known && known.stamp === (await stampOf(path)) ? known : await this.readFile(path);
        requirements.push(...ruleFor(policy, reference).requirements);
      } catch (error) {
        this.log.warn({ policy: path }, `a signature policy that others use is wrong: ${messageOf(error)}`);
      }
    }
    return kindsOf(requirements);
  }

  private get shared(): string {
    return this.where.policy.file || usual;
  }

  private async namespaceFiles(): Promise<string[]> {
    try {
      const names = await readdir(this.where.policy.namespaceDir);
      return names
        .filter((name) => name.endsWith('.json') && isNamespace(name.slice(0, -'.json'.length)))
        .map((name) => join(this.where.policy.namespaceDir, name));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  private async readFile(path: string): Promise<PolicyInForce> {
    // Before the bytes: a change between the two is then seen by the next look.
    const stamp = await stampOf(path);
    const policy = await readPolicy(path);
    if (!policy && (path !== usual || this.where.policy.file === usual)) throw missingPolicy(path);
    if (!policy && !this.saidNone) {
      this.saidNone = true;
      this.log.info({ policy: path }, 'there is no signature policy: every image is accepted');
    }
    const inForce = { policy: policy ?? acceptAll, path, stamp };
    this.known.set(path, inForce);
    return inForce;
  }
}

export function kindsOf(requirements: readonly Requirement[]): ReadonlySet<SignatureKind> {
  const kinds = new Set<SignatureKind>();
  for (const { type } of requirements) {
    if (type === 'signedBy') kinds.add('simple');
    if (type === 'sigstoreSigned') kinds.add('sigstore');
  }
  return kinds;
}
