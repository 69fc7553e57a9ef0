import { BerthError } from '../base';
import type { Kernel } from '../kernel';
import type { Spec } from '../spec';

/**
 * Refuses a container whose AppArmor profile the kernel does not have: the OCI runtime would fail as it starts, in words
 * that tell neither the profile nor the field.
 */
export async function checkAppArmorProfile(
  kernel: Pick<Kernel, 'hasAppArmorProfile'>,
  id: string,
  { process }: Spec,
): Promise<void> {
  const profile = process.apparmorProfile;
  if (profile === undefined || (await kernel.hasAppArmorProfile(profile))) return;
  throw new BerthError('argument-invalid', {
    op: 'CreateContainer',
    object: `container ${id}`,
    detail: `linux.security_context.apparmor asks for the profile ${profile}, which is not loaded on this node`,
    remedy: 'load it with apparmor_parser and call again',
  });
}
