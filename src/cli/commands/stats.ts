import { ContainerState } from '../../wire';
import { type Define, addJsonOption, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { listTargets, pickContainer } from '../find';
import { table } from '../output/table';
import { containerColumns, containerRow } from '../usage/container-rows';
import { addWatchOptions, watchOptions } from '../usage/options';
import { Rates } from '../usage/rates';
import { watch } from '../usage/watch';

const examples = `
Examples:
  berth stats
  berth stats --once web
  berth stats --json --watch --interval 10s

CPU is in processors. MEMORY is what the kernel cannot take back at once, which is what the kubelet evicts by. WRITTEN is the
writable layer, as it was counted last.`;

/** berth stats [CONTAINER...] */
export const define: Define = (command, { io }) => {
  addWatchOptions(addJsonOption(command))
    .description('Shows what containers use: those that run, or those that are named.')
    .argument('[container...]', 'names, or the beginnings of ids')
    .addHelpText('after', examples)
    .action(async (references: string[], given: { once?: boolean; watch?: boolean; interval: string }) => {
      const options = globalOptions(command, io);
      const rates = new Rates();
      await watch(io, watchOptions(given, options.json), async (signal) => {
        using daemon = new Daemon(options, signal);
        const [targets, pods, stats] = await Promise.all([
          listTargets(daemon, 'containers'),
          daemon.pods(),
          daemon.containerStats(),
        ]);
        const wanted = new Set(references.map((reference) => pickContainer(targets, reference).id));
        const podNames = new Map(pods.map(({ id, metadata }) => [id, metadata?.name ?? '']));
        const rows = targets.flatMap((target) => {
          if (target.kind !== 'container') return [];
          const { id, state, podSandboxId } = target.container;
          const shown = wanted.size > 0 ? wanted.has(id) : state === ContainerState.CONTAINER_RUNNING;
          const found = stats.find(({ attributes }) => attributes?.id === id);
          return shown && found ? [containerRow(found, podNames.get(podSandboxId) ?? '', rates)] : [];
        });
        return { text: () => table(containerColumns, rows), value: rows };
      });
    });
};
