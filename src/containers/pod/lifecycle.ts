import { abortable, SingleFlight, step } from '../../base';
import type { Sandboxes } from '../../pods';
import type { PodLifecycle } from '../containers';
import type { ContainerService } from '../service';

/** CRI: what still runs when its pod is stopped is terminated by force. The kubelet has stopped it with its own grace before. */
const podStopGraceSeconds = 0;

/** Stop and removal of a pod: containers first, all at once, so that they end with their network still there. */
export function createPodLifecycle(sandboxes: Sandboxes, containers: ContainerService): PodLifecycle {
  const stops = new SingleFlight<void>('stop the pod');
  const removals = new SingleFlight<void>('remove the pod');

  const stop = async (id: string, signal: AbortSignal): Promise<void> => {
    if (!(await sandboxes.beginStop(id))) return;
    await containers.settled(id);
    const stopEach = () =>
      all(containers.ofSandbox(id).map((each) => containers.stop(each.id, podStopGraceSeconds, signal)));
    await step('stop-pod.containers', stopEach);
    await sandboxes.finishStop(id, signal);
  };

  const remove = async (id: string, signal: AbortSignal): Promise<void> => {
    if (!(await sandboxes.beginStop(id))) return;
    await containers.settled(id);
    const removeEach = () => all(containers.ofSandbox(id).map((each) => containers.remove(each.id, signal)));
    await step('remove-pod.containers', removeEach);
    await sandboxes.remove(id, signal);
  };

  return {
    stop: (id, signal) =>
      abortable(
        stops.run(id, (job) => stop(id, job)),
        signal,
        `StopPodSandbox: pod ${id}`,
      ),
    remove: (id, signal) =>
      abortable(
        removals.run(id, (job) => remove(id, job)),
        signal,
        `RemovePodSandbox: pod ${id}`,
      ),
    containersOf: (sandbox) => containers.ofSandbox(sandbox.id).filter((each) => containers.get(each.id) !== undefined),
  };
}

/** Waits for all of them, then throws the first failure: what can be ended is ended. */
async function all(tasks: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(tasks);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
