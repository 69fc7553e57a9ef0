import { BerthError } from '../base';
import type { Kernel, ProcessIdentity } from '../kernel';
import { namespaceMode, type PidNamespace } from '../spec';
import type { ContainerRecord, SandboxRecord, Table } from '../state';
import type { ContainerConfig } from '../wire';

/** Whose processes the container sees (CRI NamespaceOption.pid of the container, else of its pod). */
export async function pidNamespace(
  kernel: Pick<Kernel, 'identify'>,
  config: ContainerConfig,
  sandbox: SandboxRecord,
  containers: Table<ContainerRecord>,
): Promise<PidNamespace> {
  const options =
    config.linux?.securityContext?.namespaceOptions ?? sandbox.config.linux?.securityContext?.namespaceOptions;
  // CRI's enum as a number: this room takes no values from wire.
  const mode: number | undefined = options?.pid;
  switch (mode) {
    case namespaceMode.node:
      return { kind: 'host' };
    case namespaceMode.pod:
      return sandbox.infra ? namespaceOf(kernel, sandbox.infra, `pod ${sandbox.id}`) : { kind: 'container' };
    case namespaceMode.target:
      return namespaceOf(
        kernel,
        target(options?.targetId ?? '', sandbox, containers),
        `container ${options?.targetId}`,
      );
    default:
      return { kind: 'container' };
  }
}

/** A pid alone could be another process's by now: its start time is compared. */
async function namespaceOf(
  kernel: Pick<Kernel, 'identify'>,
  holder: ProcessIdentity,
  object: string,
): Promise<PidNamespace> {
  const now = await kernel.identify(holder.pid);
  if (now?.startTime === holder.startTime) return { kind: 'path', path: `/proc/${holder.pid}/ns/pid` };
  throw new BerthError('container-state', {
    op: 'CreateContainer',
    object,
    detail: 'the process that holds its PID namespace has ended',
    remedy: 'run a new sandbox for the pod',
  });
}

function target(targetId: string, sandbox: SandboxRecord, containers: Table<ContainerRecord>): ProcessIdentity {
  const found = containers.get(targetId);
  if (found?.sandboxId === sandbox.id && found.init && found.phase === 'running') return found.init;
  throw new BerthError('argument-invalid', {
    op: 'CreateContainer',
    object: `target container ${targetId}`,
    detail: 'it is not a running container of this pod',
  });
}
