import { type Define, addJsonOption, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { EventRows, eventLine } from '../events/row';
import { write } from '../io';
import { jsonLine } from '../output/json';

const examples = `
Examples:
  berth events
  berth events --json | jq -r 'select(.event == "stopped") | "\\(.name) \\(.exitCode)"'

It tells what happens from now on, until Ctrl-C; what has happened before is in \`berth ps -a\` and \`berth pods\`.`;

/** berth events */
export const define: Define = (command, { io }) => {
  addJsonOption(command)
    .description(
      'Tells what happens to pods and containers: created, started, stopped, deleted. JSON has a line for each.',
    )
    .addHelpText('after', examples)
    .action(async () => {
      const options = globalOptions(command, io);
      const left = new AbortController();
      using _ = io.onInterrupt(() => left.abort());
      using daemon = new Daemon(options, left.signal);
      const rows = new EventRows();
      try {
        for await (const event of daemon.events()) {
          const row = rows.of(event);
          await write(io.stdout, options.json ? jsonLine(row) : eventLine(row));
        }
      } catch (error) {
        // Ctrl-C is how it ends.
        if (!left.signal.aborted) throw error;
      }
    });
};
