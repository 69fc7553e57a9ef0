import { type Define, globalOptions, parseCount } from '../command';
import { Daemon } from '../daemon';
import { CliError } from '../failure';
import { listTargets, pickContainer } from '../find';
import { LogPrinter, readLog, untilEnded } from '../logs';

/** berth logs CONTAINER */
export const define: Define = (command, { io }) => {
  command
    .description('Prints what a container wrote: its stdout to stdout, its stderr to stderr.')
    .argument('<container>', 'name, or the beginning of the id')
    .option('-f, --follow', 'go on until the container ends')
    .option('--tail <lines>', 'only so many of the last lines')
    .option('-t, --timestamps', 'put the time before each line')
    .addHelpText('after', '\nExamples:\n  berth logs web\n  berth logs -f --tail 20 web')
    .action(async (reference: string, given: { follow?: boolean; tail?: string; timestamps?: boolean }) => {
      const tail = given.tail === undefined || given.tail === 'all' ? undefined : parseCount('--tail', given.tail);
      const left = new AbortController();
      using daemon = new Daemon(globalOptions(command, io), left.signal);
      const container = pickContainer(await listTargets(daemon, 'containers'), reference);
      const path = (await daemon.containerStatus(container.id)).status?.logPath;
      if (!path) throw new CliError(`container ${container.id} has no log: it was created without a log_path`);
      const until = given.follow ? untilEnded(daemon, container.id, left.signal) : undefined;
      const printer = new LogPrinter(io, given.timestamps ?? false);
      try {
        for await (const record of readLog({ path, tail, until })) await printer.print(record);
        await until;
      } finally {
        left.abort();
      }
    });
};
