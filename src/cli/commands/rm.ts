import { shortId } from '../../base';
import { ContainerState, type PodSandbox, PodSandboxState } from '../../wire';
import { type Define, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { CliError } from '../failure';
import { type Target, listTargets, pick } from '../find';
import { write } from '../io';
import { isRunPod, removePod, runPodOf } from '../run/remove';
import { forEach } from './for-each';

/** berth rm CONTAINER|POD... */
export const define: Define = (command, { io }) => {
  command
    .description(
      'Removes containers, or pods with all in them. A container of `berth run` goes with its pod and its log.',
    )
    .argument('<container|pod...>', 'names, or the beginnings of ids')
    .option('-f, --force', 'what still runs, too: it is killed')
    .action(async (references: string[], { force = false }: { force?: boolean }) => {
      using daemon = new Daemon(globalOptions(command, io));
      const targets = await listTargets(daemon, 'all');
      await forEach(references, io, async (reference) => {
        const target = pick(targets, reference);
        if (!force) refuseRunning(target, targets);
        await remove(daemon, target, targets);
        await write(io.stdout, `${reference}\n`);
      });
    });
};

async function remove(daemon: Daemon, target: Target, targets: readonly Target[]): Promise<void> {
  if (target.kind === 'pod') return removePod(daemon, runPodOf(target.pod));
  const pod = podOf(target.container.podSandboxId, targets);
  return pod && isRunPod(pod) ? removePod(daemon, runPodOf(pod)) : daemon.removeContainer(target.id);
}

function podOf(id: string, targets: readonly Target[]): PodSandbox | undefined {
  const found = targets.find((target) => target.kind === 'pod' && target.id === id);
  return found?.kind === 'pod' ? found.pod : undefined;
}

function refuseRunning(target: Target, targets: readonly Target[]): void {
  const running = targets.find((other) => {
    if (other.kind !== 'container' || other.container.state !== ContainerState.CONTAINER_RUNNING) return false;
    return other.id === target.id || (target.kind === 'pod' && other.container.podSandboxId === target.id);
  });
  if (running) throw new CliError(`container ${shortId(running.id)} still runs: stop it first, or use rm -f`);
  if (target.kind === 'pod' && target.pod.state === PodSandboxState.SANDBOX_READY) {
    throw new CliError(`pod ${shortId(target.id)} is still ready: stop it first, or use rm -f`);
  }
}
