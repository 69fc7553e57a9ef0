import { BerthError } from '../base';
import type { HandlerFeatures } from '../runtime';
import { podUserNamespace, type PodUserNamespace, type SandboxPart } from '../spec';
import type { SandboxRecord } from '../state';
import type { PodSandboxConfig } from '../wire';

/** How the pod's ids are mapped; undefined where it has the node's user namespace. */
export function userNamespaceOf(config: PodSandboxConfig): PodUserNamespace | undefined {
  return podUserNamespace(config.linux?.securityContext?.namespaceOptions);
}

/** The pod's user namespace as its containers join it. */
export function joinedUserNamespace({ userns: path, config }: SandboxRecord): SandboxPart['userns'] {
  const mappings = userNamespaceOf(config);
  return path !== undefined && mappings ? { path, ...mappings } : undefined;
}

/** The pod's root as the node sees it. */
export function rootOf(userns: PodUserNamespace | undefined): { readonly uid: number; readonly gid: number } {
  return { uid: userns?.uids[0].hostId ?? 0, gid: userns?.gids[0].hostId ?? 0 };
}

/** Refuses a pod with a user namespace of its own where the handler's runtime or the kernel has none to offer. */
export function requireUserNamespaces(config: PodSandboxConfig, handler: string, features: HandlerFeatures): void {
  if (!userNamespaceOf(config) || features.userNamespaces) return;
  throw new BerthError('argument-invalid', {
    op: 'RunPodSandbox',
    object: `handler ${handler}`,
    detail: 'namespace_options.userns_options: this handler and kernel offer no user namespaces',
    remedy: 'set hostUsers: true, or use Linux 6.5 and a runtime whose `features` name the namespace `user`',
  });
}
