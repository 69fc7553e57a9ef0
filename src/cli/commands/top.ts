import { type Define, addJsonOption, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { usageError } from '../failure';
import { table } from '../output/table';
import { cores, size } from '../output/units';
import { addWatchOptions, watchOptions } from '../usage/options';
import { type PodOrder, type PodUsageRow, isPodOrder, podColumns, podOrders, podRow, sorted } from '../usage/pod-rows';
import { Rates } from '../usage/rates';
import { watch } from '../usage/watch';

const examples = `
Examples:
  berth top
  berth top --sort memory
  berth top --once --json

CPU is in processors, RX/S and TX/S are bytes. A pod on the network of the node has no network of its own to count.`;

/** berth top */
export const define: Define = (command, { io }) => {
  addWatchOptions(addJsonOption(command))
    .description('Shows which pods use most, and what all of them use together.')
    .option('--sort <what>', `cpu, memory, tasks or network`, 'cpu')
    .addHelpText('after', examples)
    .action(async (given: { once?: boolean; watch?: boolean; interval: string; sort: string }) => {
      const options = globalOptions(command, io);
      const order = parseOrder(given.sort);
      const rates = new Rates();
      await watch(io, watchOptions(given, options.json), async (signal) => {
        using daemon = new Daemon(options, signal);
        const rows = sorted(
          (await daemon.podStats()).map((stats) => podRow(stats, rates)),
          order,
        );
        return { text: (room) => text(rows, room.rows), value: rows };
      });
    });
};

function parseOrder(text: string): PodOrder {
  if (isPodOrder(text)) return text;
  throw usageError(`--sort ${JSON.stringify(text)}: use ${Object.keys(podOrders).join(', ')}`);
}

/** A line of sums, and as many pods as there is room for. */
function text(rows: readonly PodUsageRow[], room: number): string {
  const cpu = rows.reduce((all, row) => all + (row.cpu ?? 0), 0);
  const memory = rows.reduce((all, row) => all + (row.memory ?? 0n), 0n);
  const containers = rows.reduce((all, row) => all + row.containers, 0);
  const sums = `pods ${rows.length}, containers ${containers}, CPU ${cores(cpu)}, memory ${size(memory)}`;
  // The line of sums, the titles, the line of those that are left out, and where the cursor stands.
  const shown = rows.slice(0, Math.max(1, room - 4));
  const left = rows.length - shown.length;
  return `${sums}\n${table(podColumns, shown)}${left > 0 ? `and ${left} more\n` : ''}`;
}
