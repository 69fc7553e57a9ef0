import type { UserNamespace } from '../wire';
import { namespaceMode } from './cri';

export interface UserNamespaceProblem {
  readonly code: 'not-implemented' | 'argument-invalid';
  readonly detail: string;
}

const field = 'namespace_options.userns_options';

/** Why a user namespace request (CRI UserNamespace) cannot be served; undefined for the node's own. */
export function userNamespaceProblem(request: UserNamespace): UserNamespaceProblem | undefined {
  const mode: number = request.mode;
  if (mode === namespaceMode.node) {
    if (request.uids.length === 0 && request.gids.length === 0) return undefined;
    return { code: 'argument-invalid', detail: `${field}: mode NODE takes no mappings` };
  }
  if (mode === namespaceMode.pod || mode === namespaceMode.container) {
    return { code: 'not-implemented', detail: `${field}: user namespaces; set hostUsers: true` };
  }
  return { code: 'argument-invalid', detail: `${field}: mode ${mode} is not of POD and NODE` };
}
