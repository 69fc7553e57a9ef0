import type { Kernel } from '../kernel';
import type { HostFacts } from '../spec';

/** What this machine allows, as the spec room asks for it. */
export function hostFacts({ facts }: Kernel): HostFacts {
  return { ...facts, hasSysResource: facts.boundingCapabilities.includes('sys_resource') };
}
