import { usualCapabilities } from '../../config';
import type { LinuxContainerSecurityContext } from '../../wire';
import type { HostFacts, SpecDefaults } from '../input';
import type { Capabilities } from '../oci';
import { refuseContainer } from '../refuse';
import { capabilityNames, plainName } from './capability-names';

export interface CapabilitySets {
  readonly sets: Capabilities;
  /** What was cut because the daemon itself has it not. */
  readonly notes: readonly string[];
}

/**
 * The capability sets (CRI Capability). ALL counts before single names, adding before dropping; privileged is all that
 * the daemon has. Inheritable stays empty (CVE-2022-27652) but for ambient ones, which the kernel wants in both.
 * @throws `argument-invalid` for an unknown name to add.
 */
export function capabilitySets(
  id: string,
  context: LinuxContainerSecurityContext | undefined,
  facts: HostFacts,
  defaults: SpecDefaults,
): CapabilitySets {
  const all = facts.boundingCapabilities.map(plainName).filter((name) => capabilityNames.has(name));
  if (context?.privileged) return { sets: capabilities(all, []), notes: [] };

  const add = known(id, context?.capabilities?.addCapabilities ?? [], 'add_capabilities');
  const ambient = known(id, context?.capabilities?.addAmbientCapabilities ?? [], 'add_ambient_capabilities');
  const drop = (context?.capabilities?.dropCapabilities ?? []).map(plainName);
  const base = drop.includes('all')
    ? []
    : add.includes('all')
      ? all
      : (defaults.capabilities ?? usualCapabilities).map(plainName);
  const wanted = [...base, ...expand(add, []), ...expand(ambient, all)].filter((name) => !drop.includes(name));
  const wantedAmbient = expand(ambient, all).filter((name) => !drop.includes(name));

  const within = (name: string): boolean => all.includes(name);
  const missing = [...new Set(wanted)].filter((name) => !within(name));
  const notes =
    missing.length === 0 ? [] : [`capabilities ${missing.join(', ')} were left out: the daemon has them not itself`];
  return { sets: capabilities(wanted.filter(within), wantedAmbient.filter(within)), notes };
}

/** No capability at all: for what berth itself runs in a pod. */
export const noCapabilities: Capabilities = capabilities([], []);

function known(id: string, names: readonly string[], field: string): string[] {
  return names.map((name) => {
    const plain = plainName(name);
    if (plain === 'all' || capabilityNames.has(plain)) return plain;
    throw refuseContainer(id, `${field} has ${JSON.stringify(name)}: no capability of Linux`);
  });
}

/** The names with ALL replaced. */
function expand(names: readonly string[], all: readonly string[]): string[] {
  return names.flatMap((name) => (name === 'all' ? all : [name]));
}

function capabilities(granted: readonly string[], ambient: readonly string[]): Capabilities {
  const full = (names: readonly string[]): string[] =>
    [...new Set(names)].sort().map((name) => `CAP_${name.toUpperCase()}`);
  const names = full(granted);
  return {
    bounding: names,
    effective: names,
    permitted: names,
    inheritable: full(ambient),
    ambient: full(ambient),
  };
}
