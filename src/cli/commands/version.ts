import { version } from '../../../package.json';
import { type Define, addJsonOption, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { write } from '../io';
import { facts } from '../output/table';
import { json } from '../output/json';

/** berth version */
export const define: Define = (command, { io }) => {
  addJsonOption(command)
    .description('Shows the version of this program, and of the daemon and its API.')
    .action(async () => {
      const options = globalOptions(command, io);
      if (!options.json) await write(io.stdout, facts([['client', version]]));
      using daemon = new Daemon(options);
      const { runtimeName, runtimeVersion, runtimeApiVersion } = await daemon.version();
      if (options.json) {
        const answer = {
          client: version,
          daemon: { name: runtimeName, version: runtimeVersion },
          cri: runtimeApiVersion,
        };
        await write(io.stdout, json(answer));
        return;
      }
      await write(
        io.stdout,
        facts([
          ['daemon', `${runtimeName} ${runtimeVersion}`],
          ['CRI', runtimeApiVersion],
        ]),
      );
    });
};
