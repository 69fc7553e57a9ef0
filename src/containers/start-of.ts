import { nowNs } from '../base';
import type { MonitorState } from '../runtime';
import type { ContainerRecord } from '../state';

/** When the container was started, nanoseconds since the epoch, and its init; one that has ended by now was started before its end. */
export function startOf(state: MonitorState): Pick<ContainerRecord, 'startedAt' | 'init'> {
  if (state.kind === 'running') return { startedAt: state.startedAt, init: state.init };
  return { startedAt: state.kind === 'exited' ? state.record.startedAt : nowNs() };
}
