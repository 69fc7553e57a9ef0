import type { LinuxContainerSecurityContext, SELinuxOption } from '../../wire';
import { profileType } from '../cri';
import type { HostFacts } from '../input';
import { refuseContainer } from '../refuse';

/** The names by which mandatory access control knows the container; absent is none. */
export interface Labels {
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly mountLabel?: string;
}

/** AppArmor's profile and SELinux' labels, each only where the kernel has it on. */
export function securityLabels(
  id: string,
  context: LinuxContainerSecurityContext | undefined,
  sandboxOptions: SELinuxOption | undefined,
  facts: HostFacts,
): Labels {
  return { ...appArmor(id, context, facts), ...selinux(context, sandboxOptions, facts) };
}

type AppArmorRequest =
  { readonly kind: 'default' | 'unconfined' } | { readonly kind: 'profile'; readonly name: string };

function appArmor(id: string, context: LinuxContainerSecurityContext | undefined, facts: HostFacts): Labels {
  const request = appArmorRequest(id, context);
  switch (request.kind) {
    case 'unconfined':
      return {};
    case 'default':
      return facts.appArmor?.defaultProfile === undefined ? {} : { apparmorProfile: facts.appArmor.defaultProfile };
    case 'profile':
      if (facts.appArmor === undefined) {
        throw refuseContainer(id, `apparmor asks for the profile ${request.name}, and AppArmor is off on this node`);
      }
      return { apparmorProfile: request.name };
  }
}

/** The field, else the deprecated string; what is not set is the default, but for privileged containers. */
function appArmorRequest(id: string, context: LinuxContainerSecurityContext | undefined): AppArmorRequest {
  const unset: AppArmorRequest = { kind: context?.privileged ? 'unconfined' : 'default' };
  const field = context?.apparmor;
  if (field !== undefined) {
    const type: number = field.profileType;
    if (type === profileType.runtimeDefault) return unset;
    if (type === profileType.unconfined) return { kind: 'unconfined' };
    if (type !== profileType.localhost || field.localhostRef === '') {
      throw refuseContainer(id, 'apparmor: unknown profile_type, or Localhost without localhost_ref');
    }
    return { kind: 'profile', name: field.localhostRef };
  }
  const old = context?.apparmorProfile ?? '';
  if (old === '' || old === 'runtime/default') return unset;
  if (old === 'unconfined') return { kind: 'unconfined' };
  if (old.startsWith('localhost/') && old.length > 'localhost/'.length) {
    return { kind: 'profile', name: old.slice('localhost/'.length) };
  }
  throw refuseContainer(
    id,
    `apparmor_profile is ${JSON.stringify(old)}: not runtime/default, unconfined or localhost/<name>`,
  );
}

function selinux(
  context: LinuxContainerSecurityContext | undefined,
  sandboxOptions: SELinuxOption | undefined,
  facts: HostFacts,
): Labels {
  if (facts.selinux === undefined || context?.privileged) return {};
  const options = context?.selinuxOptions ?? sandboxOptions;
  const { processLabel, mountLabel } = facts.selinux;
  if (options === undefined) return { selinuxLabel: processLabel, mountLabel };
  // A file's user, role and type stay the node's: only the level ties it to the pod.
  return { selinuxLabel: overlay(processLabel, options), mountLabel: overlay(mountLabel, { level: options.level }) };
}

function overlay(label: string, options: Partial<SELinuxOption>): string {
  const [user, role, type, ...level] = label.split(':');
  return [options.user || user, options.role || role, options.type || type, options.level || level.join(':')].join(':');
}
