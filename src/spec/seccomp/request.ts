import { posix } from 'node:path';
import type { LinuxContainerSecurityContext, SecurityProfile } from '../../wire';
import { profileType } from '../cri';
import { refuseContainer } from '../refuse';

/** Which filter is asked for. The caller reads the file of a localhost profile and hands its text in. */
export type SeccompRequest =
  | { readonly kind: 'unconfined' }
  | { readonly kind: 'runtime-default' }
  | { readonly kind: 'localhost'; readonly path: string };

/**
 * Reads CRI's field, else the deprecated path. Nothing set is unconfined, an empty profile is RuntimeDefault (its enum is
 * 0), privileged containers have none.
 * @throws `argument-invalid` for an unknown type or a localhost profile without an absolute path.
 */
export function seccompRequest(id: string, context: LinuxContainerSecurityContext | undefined): SeccompRequest {
  if (context?.privileged) return { kind: 'unconfined' };
  return context?.seccomp ? fromField(id, context.seccomp) : fromPath(id, context?.seccompProfilePath ?? '');
}

function fromField(id: string, profile: SecurityProfile): SeccompRequest {
  const type: number = profile.profileType;
  if (type === profileType.runtimeDefault) return { kind: 'runtime-default' };
  if (type === profileType.unconfined) return { kind: 'unconfined' };
  if (type === profileType.localhost) return localhost(id, profile.localhostRef);
  throw refuseContainer(id, `seccomp: unknown profile_type ${type}`);
}

function fromPath(id: string, path: string): SeccompRequest {
  if (path === '' || path === 'unconfined') return { kind: 'unconfined' };
  if (path === 'runtime/default' || path === 'docker/default') return { kind: 'runtime-default' };
  if (path.startsWith('localhost/')) return localhost(id, path.slice('localhost/'.length));
  throw refuseContainer(id, `seccomp_profile_path is ${JSON.stringify(path)}: no known kind of profile`);
}

/** The old annotation kept `localhost/` before the path; some clients still send it so. */
function localhost(id: string, ref: string): SeccompRequest {
  const path = ref.replace(/^localhost\//, '');
  if (posix.isAbsolute(path)) return { kind: 'localhost', path };
  throw refuseContainer(id, `seccomp: localhost_ref ${JSON.stringify(ref)} is not an absolute path`);
}
