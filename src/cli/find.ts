import { shortId } from '../base';
import type { Container, PodSandbox } from '../wire';
import type { Daemon } from './daemon';
import { CliError, printable } from './failure';

/** A container or a pod that a name or the beginning of an id may mean. */
export type Target =
  | { readonly kind: 'container'; readonly id: string; readonly name: string; readonly container: Container }
  | { readonly kind: 'pod'; readonly id: string; readonly name: string; readonly pod: PodSandbox };

/** Everything that a name may mean, or the containers only. */
export async function listTargets(daemon: Daemon, kinds: 'containers' | 'all'): Promise<Target[]> {
  const [containers, pods] = await Promise.all([daemon.containers(), kinds === 'all' ? daemon.pods() : []]);
  return [
    ...containers.map((container): Target => {
      return { kind: 'container', id: container.id, name: container.metadata?.name ?? '', container };
    }),
    ...pods.map((pod): Target => ({ kind: 'pod', id: pod.id, name: pod.metadata?.name ?? '', pod })),
  ];
}

/** As `pickIfAny`; throws if there is none. */
export function pick(targets: readonly Target[], reference: string): Target {
  const target = pickIfAny(targets, reference);
  if (target) return target;
  throw new CliError(
    `there is no container or pod ${JSON.stringify(reference)} (see \`berth ps -a\` and \`berth pods\`)`,
  );
}

/**
 * The one that is meant: by whole id, else by name, else by the beginning of an id. A pod whose own container is
 * meant too, as those of `berth run`, is meant by way of it. Throws if several are.
 */
export function pickIfAny(targets: readonly Target[], reference: string): Target | undefined {
  const found = matches(targets, reference);
  if (found.length < 2) return found[0];
  const candidates = found.map(({ kind, id, name }) => `${kind} ${shortId(id)} (${printable(name)})`);
  throw new CliError(`${JSON.stringify(reference)} is ambiguous: ${candidates.join(', ')}; give more digits of the id`);
}

/** As `pick`, of containers only. */
export function pickContainer(targets: readonly Target[], reference: string): Container {
  const target = pickIfAny(
    targets.filter(({ kind }) => kind === 'container'),
    reference,
  );
  if (target?.kind === 'container') return target.container;
  throw new CliError(`there is no container ${JSON.stringify(reference)} (see \`berth ps -a\`)`);
}

function matches(targets: readonly Target[], reference: string): Target[] {
  if (reference === '') return [];
  const tests: ((target: Target) => boolean)[] = [
    ({ id }) => id === reference,
    ({ name }) => name === reference,
    ({ id }) => id.startsWith(reference),
  ];
  for (const test of tests) {
    const found = targets.filter(test);
    if (found.length > 0) return withoutOwnPods(found);
  }
  return [];
}

function withoutOwnPods(found: Target[]): Target[] {
  const meant = new Set(found.map((target) => (target.kind === 'container' ? target.container.podSandboxId : '')));
  return found.filter(({ kind, id }) => kind === 'container' || !meant.has(id));
}
