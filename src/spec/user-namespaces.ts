import type { IDMapping, NamespaceOption, UserNamespace } from '../wire';
import { namespaceMode } from './cri';
import type { ResolvedUser } from './input';

/** How a pod's own user namespace maps ids: one range of each kind, both from 0 on and of one length. */
export interface PodUserNamespace {
  readonly uids: readonly [IDMapping];
  readonly gids: readonly [IDMapping];
}

const field = 'namespace_options.userns_options';

/** Up to 65534, nobody: what images and the pause process count on. */
const leastLength = 65_536;

/** The last id that there is; 4294967295 stands for "none". */
const lastId = 4_294_967_294;

/** The mappings of a pod that has a user namespace of its own; undefined where it has the node's. The options are checked. */
export function podUserNamespace(options: NamespaceOption | undefined): PodUserNamespace | undefined {
  const { mode, uids, gids }: { mode?: number; uids?: IDMapping[]; gids?: IDMapping[] } = options?.usernsOptions ?? {};
  const [uid, gid] = [uids?.[0], gids?.[0]];
  return mode === namespaceMode.pod && uid && gid ? { uids: [uid], gids: [gid] } : undefined;
}

/**
 * What is wrong with a pod's or a container's wish for a user namespace (CRI UserNamespace), naming the field. A root
 * that is not the node's cannot be given namespaces that are (Kubernetes: hostUsers with hostNetwork, hostPID, hostIPC).
 */
export function userNamespaceProblem(options: NamespaceOption | undefined): string | undefined {
  const request = options?.usernsOptions;
  if (!options || !request) return undefined;
  const mode: number = request.mode;
  if (mode === namespaceMode.node) {
    return request.uids.length + request.gids.length > 0 ? `${field}: mode NODE takes no mappings` : undefined;
  }
  if (mode !== namespaceMode.pod) return `${field}.mode is ${mode}: not POD or NODE`;
  return mappingsProblem(request) ?? hostNamespaceProblem(options);
}

/** Whether a container asks for the user namespace that its pod has; one that asks for none gets it. */
export function sameUserNamespace(container: NamespaceOption | undefined, pod: NamespaceOption | undefined): boolean {
  if (!container?.usernsOptions) return true;
  return JSON.stringify(podUserNamespace(container)) === JSON.stringify(podUserNamespace(pod));
}

/** Which of a user's ids the pod's user namespace has not. */
export function unmappedId(user: ResolvedUser, userns: PodUserNamespace | undefined): string | undefined {
  if (!userns) return undefined;
  const { length } = userns.uids[0];
  if (user.uid >= length) return `user ${user.uid} is not of the pod's user namespace, which has ${length} ids`;
  const group = user.additionalGids.find((gid) => gid >= length);
  return group === undefined ? undefined : `group ${group} is not of the pod's user namespace, which has ${length} ids`;
}

function mappingsProblem({ uids, gids }: UserNamespace): string | undefined {
  for (const [kind, mappings] of [['uids', uids] as const, ['gids', gids] as const]) {
    const [mapping, ...others] = mappings;
    if (!mapping || others.length > 0) {
      return `${field}.${kind} has ${mappings.length} mappings: mode POD takes exactly one`;
    }
    const { containerId, hostId, length } = mapping;
    const at = `${field}.${kind}[0]`;
    if (containerId !== 0) return `${at}.container_id is ${containerId}: the pod's root, 0, has to be mapped`;
    if (hostId === 0) return `${at}.host_id is 0: the pod's root would be the node's`;
    if (length < leastLength) return `${at}.length is ${length}: at least ${leastLength}, so that nobody is mapped`;
    if (hostId + length - 1 > lastId) return `${at} ends at ${hostId + length - 1}: the last id is ${lastId}`;
  }
  const [ofUids, ofGids] = [uids[0]?.length, gids[0]?.length];
  return ofUids === ofGids ? undefined : `${field}.gids[0].length is ${ofGids}, but uids[0].length is ${ofUids}`;
}

function hostNamespaceProblem(options: NamespaceOption): string | undefined {
  const host = (['network', 'pid', 'ipc'] as const).find((kind) => {
    const mode: number = options[kind];
    return mode === namespaceMode.node;
  });
  return host && `${field}: mode POD, but namespace_options.${host} is NODE: the pod's root has no say there`;
}
