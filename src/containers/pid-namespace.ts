import { BerthError } from '../base';
import { namespaceMode, type PidNamespace } from '../spec';
import type { ContainerRecord, SandboxRecord, Table } from '../state';
import type { ContainerConfig } from '../wire';

/** Whose processes the container sees (CRI NamespaceOption.pid of the container, else of its pod). */
export function pidNamespace(
  config: ContainerConfig,
  sandbox: SandboxRecord,
  containers: Table<ContainerRecord>,
): PidNamespace {
  const options =
    config.linux?.securityContext?.namespaceOptions ?? sandbox.config.linux?.securityContext?.namespaceOptions;
  // CRI's enum as a number: this room takes no values from wire.
  const mode: number | undefined = options?.pid;
  switch (mode) {
    case namespaceMode.node:
      return { kind: 'host' };
    case namespaceMode.pod:
      return sandbox.infra ? namespaceOf(sandbox.infra.pid) : { kind: 'container' };
    case namespaceMode.target:
      return namespaceOf(targetPid(options?.targetId ?? '', sandbox, containers));
    default:
      return { kind: 'container' };
  }
}

function namespaceOf(pid: number): PidNamespace {
  return { kind: 'path', path: `/proc/${pid}/ns/pid` };
}

function targetPid(targetId: string, sandbox: SandboxRecord, containers: Table<ContainerRecord>): number {
  const target = containers.get(targetId);
  if (target?.sandboxId === sandbox.id && target.init && target.phase === 'running') return target.init.pid;
  throw new BerthError('argument-invalid', {
    op: 'CreateContainer',
    object: `target container ${targetId}`,
    detail: 'it is not a running container of this pod',
  });
}
