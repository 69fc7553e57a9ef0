import { type Define, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { CliError } from '../failure';
import { write } from '../io';
import { forEach } from './for-each';

/** berth rmi IMAGE... */
export const define: Define = (command, { io }) => {
  command
    .description('Removes images, with all their names. One that a container uses stays.')
    .argument('<image...>', 'names, or ids and their beginnings')
    .action(async (names: string[]) => {
      using daemon = new Daemon(globalOptions(command, io));
      await forEach(names, io, async (name) => {
        const { image } = await daemon.imageStatus(name);
        if (!image) throw new CliError(`there is no image ${JSON.stringify(name)} (see \`berth images\`)`);
        await daemon.removeImage(image.id);
        await write(io.stdout, `${name}\n`);
      });
    });
};
