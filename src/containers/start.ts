import { BerthError, type Observations, step } from '../base';
import type { ContainerRecord } from '../state';
import { startRestored } from './checkpoint/start-restored';
import type { CreateParts } from './create-parts';
import { exitCodeOf } from './exit';
import { suspectSeccomp } from './seccomp-suspect';
import { startOf } from './start-of';
import type { Supervisor } from './supervisor';

/** What CRI reports of an init that somebody has killed: 128 and SIGKILL. */
const killedCode = 137;

/** Starts a created container. Not its caller's to cut off: what runs has to be in the record. */
export async function startContainer(
  parts: CreateParts,
  supervisor: Supervisor,
  record: ContainerRecord,
  { handler, observations }: { readonly handler: string; readonly observations: Observations },
): Promise<void> {
  const { id, phase, exit } = record;
  /** With the exit code of one that has ended before its start: unless somebody has killed it, a filter may have. */
  const refusal = (detail: string, exitCode: number | undefined): unknown => {
    const error = new BerthError('container-state', { op: 'StartContainer', object: `container ${id}`, detail });
    const byItself = exitCode !== undefined && exitCode !== killedCode;
    return byItself ? suspectSeccomp('StartContainer', record, error) : error;
  };
  if (phase !== 'created') {
    const detail = `it is ${phase}; only a created container can be started`;
    throw refusal(detail, record.startedAt === 0n ? exit?.exitCode : undefined);
  }
  const monitor = supervisor.monitor(id, 'StartContainer');
  const { state } = monitor;
  if (state.kind === 'exited' && state.record.startedAt === 0n)
    throw refusal('it has ended before it was started', exitCodeOf(state.record.status));
  // Where an earlier call could not write it down it runs already.
  if (state.kind === 'created') {
    const run = () => (record.restored ? startRestored(parts, supervisor, record, monitor) : monitor.start());
    const operation = record.restored ? 'restore' : 'start';
    await step('start-container.runtime', () =>
      observations.time({ kind: 'runtime', operation, handler }, run).catch((error: unknown) => {
        throw suspectSeccomp('StartContainer', record, error);
      }),
    );
  }
  const started = startOf(monitor.state);
  const begin = (now: ContainerRecord): ContainerRecord =>
    now.phase === 'created' ? { ...now, ...started, phase: 'running' } : { ...now, ...started };
  await step('start-container.running', () => supervisor.update(id, begin));
}
