import { type Reference, repositoryOf, textOf } from '../reference';
import type { Policy, Requirement } from './schema';

/**
 * The scopes that a name lies in, the narrowest first: itself, its repository, the folders above it, the host with its
 * port, then `*.domain` for each domain above the host (containers-policy.json(5) and containers-registries.d(5)).
 */
export function scopesOf(reference: Reference): readonly string[] {
  const parts = repositoryOf(reference).split('/');
  const folders = parts.map((_, at) => parts.slice(0, parts.length - at).join('/'));
  const domain = reference.host.replace(/:[0-9]+$/, '');
  const labels = domain.startsWith('[') ? [] : domain.split('.');
  const wildcards = labels.slice(1).map((_, at) => `*.${labels.slice(at + 1).join('.')}`);
  return [textOf(reference), ...folders, ...wildcards];
}

/** What is required, and by which key of the policy. */
export interface Rule {
  readonly requirements: readonly Requirement[];
  /** `transports.docker["example.com/app"]`, or `default`. */
  readonly key: string;
}

/** The narrowest scope's requirements; what has no name has the default's. */
export function ruleFor(policy: Policy, reference: Reference | undefined): Rule {
  const docker = policy.transports['docker'] ?? {};
  for (const scope of reference ? [...scopesOf(reference), ''] : []) {
    const requirements = Object.hasOwn(docker, scope) ? docker[scope] : undefined;
    if (requirements) return { requirements, key: `transports.docker[${JSON.stringify(scope)}]` };
  }
  return { requirements: policy.default, key: 'default' };
}

/** Whether nothing has to be looked at. */
export function acceptsAnything({ requirements }: Rule): boolean {
  return requirements.every(({ type }) => type === 'insecureAcceptAnything');
}
