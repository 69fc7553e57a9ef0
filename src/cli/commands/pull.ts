import { type Define, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { oneLine } from '../failure';
import { write } from '../io';

/** berth pull IMAGE */
export const define: Define = (command, { io }) => {
  command
    .description('Pulls an image from its registry and prints its id. What is there already is not fetched again.')
    .argument('<image>', 'registry/repository:tag or registry/repository@sha256:digest')
    .addHelpText(
      'after',
      '\nExamples:\n  berth pull docker.io/library/busybox:1.36\n  berth pull registry.k8s.io/pause:3.10',
    )
    .action(async (image: string) => {
      using daemon = new Daemon(globalOptions(command, io));
      await write(io.stderr, `pulling ${oneLine(image)}\n`);
      await write(io.stdout, `${await daemon.pull(image)}\n`);
    });
};
