import { ContainerState } from '../../wire';
import { type Define, globalOptions, parseCount } from '../command';
import { Daemon } from '../daemon';
import { type Target, listTargets, pick } from '../find';
import { write } from '../io';
import { runLabel } from '../run/names';
import { forEach } from './for-each';

/** berth stop CONTAINER|POD... */
export const define: Define = (command, { io }) => {
  command
    .description('Stops containers, or pods with all in them. What has been stopped already is left as it is.')
    .argument('<container|pod...>', 'names, or the beginnings of ids')
    .option('-t, --time <seconds>', 'kill a container that takes longer', '10')
    .action(async (references: string[], { time }: { time: string }) => {
      const seconds = parseCount('--time', time);
      using daemon = new Daemon(globalOptions(command, io));
      const targets = await listTargets(daemon, 'all');
      await forEach(references, io, async (reference) => {
        await stop(daemon, pick(targets, reference), targets, seconds);
        await write(io.stdout, `${reference}\n`);
      });
    });
};

async function stop(daemon: Daemon, target: Target, targets: readonly Target[], seconds: number): Promise<void> {
  switch (target.kind) {
    case 'container': {
      await daemon.stopContainer(target.id, seconds);
      const { labels, podSandboxId } = target.container;
      // The pod has no other purpose: it gives its address back.
      if (labels[runLabel] !== undefined) await daemon.stopPod(podSandboxId);
      return;
    }
    case 'pod': {
      const running = targets.filter((other) => other.kind === 'container' && isRunningIn(other, target.id));
      await Promise.all(running.map(({ id }) => daemon.stopContainer(id, seconds)));
      return daemon.stopPod(target.id);
    }
    default:
      target satisfies never;
  }
}

function isRunningIn({ container }: Extract<Target, { kind: 'container' }>, podId: string): boolean {
  return container.podSandboxId === podId && container.state === ContainerState.CONTAINER_RUNNING;
}
