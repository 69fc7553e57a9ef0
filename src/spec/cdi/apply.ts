import type { DeviceNode } from '../input';
import type { IntelRdt, Mount, Spec } from '../oci';
import { hooksOf, joinHooks } from '../hooks/hooks';
import { deviceNodes } from '../devices';
import { byDepth } from '../mounts/mounts';
import type { CdiEdits } from './cdi-file';

/** Edits whose device nodes have been looked up on the host. */
export interface ResolvedEdits extends Omit<CdiEdits, 'deviceNodes'> {
  readonly nodes: readonly ResolvedNode[];
}

/** A node that belongs to the container's user where the spec names no owner. */
export interface ResolvedNode extends Omit<DeviceNode, 'uid' | 'gid'> {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** Lays a device's edits over a spec: what it brings replaces what is at the same place. */
export function applyEdits(spec: Spec, edits: ResolvedEdits): Spec {
  const { process, linux } = spec;
  const { uid, gid } = process.user;
  const owned = edits.nodes.map((node) => ({ ...node, uid: node.uid ?? uid, gid: node.gid ?? gid }));
  const { nodes, rules } = deviceNodes('CDI', owned);
  const paths = new Set(nodes.map(({ path }) => path));
  const mounts: readonly Mount[] = (edits.mounts ?? []).map(({ hostPath, containerPath, type = '', options = [] }) => ({
    destination: containerPath,
    source: hostPath,
    type: type || (options.some((option) => option === 'bind' || option === 'rbind') ? 'bind' : ''),
    options,
  }));
  const taken = new Set(mounts.map(({ destination }) => destination));
  const names = new Set((edits.env ?? []).map(nameOf));
  const groups = [
    ...new Set([...process.user.additionalGids, ...(edits.additionalGids ?? []).filter((gid) => gid > 0)]),
  ];
  const hooks = joinHooks(
    spec.hooks,
    hooksOf((edits.hooks ?? []).map(({ hookName, ...hook }) => ({ stage: hookName, hook }))),
  );
  const rdt: IntelRdt | undefined = edits.intelRdt ?? linux.intelRdt;
  return {
    ...spec,
    process: {
      ...process,
      env: [...process.env.filter((pair) => !names.has(nameOf(pair))), ...(edits.env ?? [])],
      user: { ...process.user, additionalGids: groups },
    },
    mounts: byDepth([...spec.mounts.filter(({ destination }) => !taken.has(destination)), ...mounts]),
    ...(hooks && { hooks }),
    linux: {
      ...linux,
      devices: [...linux.devices.filter(({ path }) => !paths.has(path)), ...nodes],
      resources: { ...linux.resources, devices: [...linux.resources.devices, ...rules] },
      ...(rdt && { intelRdt: rdt }),
    },
  };
}

const nameOf = (pair: string): string => pair.slice(0, pair.indexOf('='));
