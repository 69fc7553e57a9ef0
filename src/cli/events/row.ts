import { shortId } from '../../base';
import { ContainerEventType, ContainerState, type ContainerEventResponse } from '../../wire';
import { printable } from '../failure';
import { isoTime } from '../output/units';

/** An event as people and scripts get it. */
export interface EventRow {
  readonly time: string;
  readonly event: string;
  readonly kind: 'pod' | 'container';
  readonly id: string;
  /** Of a container that is gone it is not known any more. */
  readonly name: string | undefined;
  readonly pod: string;
  readonly namespace: string;
  /** How a container has ended. */
  readonly exitCode: number | undefined;
  readonly reason: string | undefined;
}

const words: Readonly<Record<ContainerEventType, string>> = {
  [ContainerEventType.CONTAINER_CREATED_EVENT]: 'created',
  [ContainerEventType.CONTAINER_STARTED_EVENT]: 'started',
  [ContainerEventType.CONTAINER_STOPPED_EVENT]: 'stopped',
  [ContainerEventType.CONTAINER_DELETED_EVENT]: 'deleted',
  [ContainerEventType.UNRECOGNIZED]: 'unknown',
};

/** Names containers by what earlier events said of them: the last one has no status of theirs. */
export class EventRows {
  private readonly names = new Map<string, string>();

  of(event: ContainerEventResponse): EventRow {
    const { containerId: id, containerEventType: type, podSandboxStatus: pod, containersStatuses: statuses } = event;
    for (const { id: each, metadata } of statuses) this.names.set(each, metadata?.name ?? '');
    const status = statuses.find((each) => each.id === id);
    const ended =
      type === ContainerEventType.CONTAINER_STOPPED_EVENT && status?.state === ContainerState.CONTAINER_EXITED;
    const name = id === pod?.id ? pod.metadata?.name : this.names.get(id);
    if (type === ContainerEventType.CONTAINER_DELETED_EVENT) this.names.delete(id);
    return {
      time: isoTime(event.createdAt) ?? '',
      event: words[type],
      kind: id === pod?.id ? 'pod' : 'container',
      id,
      name,
      pod: pod?.metadata?.name ?? '',
      namespace: pod?.metadata?.namespace ?? '',
      exitCode: ended ? status.exitCode : undefined,
      reason: ended ? status.reason : undefined,
    };
  }
}

/** One line: `2026-11-30T10:00:00.000Z  stopped  container web (pod shop/web-1): exit 3, Error`. */
export function eventLine({ time, event, kind, id, name, pod, namespace, exitCode, reason }: EventRow): string {
  const what = `${kind} ${name === undefined || name === '' ? shortId(id) : name}`;
  const where = kind === 'pod' ? `(${namespace}, ${shortId(id)})` : `(pod ${namespace}/${pod}, ${shortId(id)})`;
  const how = exitCode === undefined ? '' : `: exit ${exitCode}${reason ? `, ${reason}` : ''}`;
  return `${time}  ${event}  ${printable(`${what} ${where}${how}`)}\n`;
}
