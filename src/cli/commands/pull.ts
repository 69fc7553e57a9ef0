import { type Define, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { write } from '../io';
import { pullShown } from '../pull/pull';

/** berth pull IMAGE */
export const define: Define = (command, { io }) => {
  command
    .description('Pulls an image from its registry and prints its id. What is there already is not fetched again.')
    .argument('<image>', 'registry/repository:tag or registry/repository@sha256:digest')
    .option('-q, --quiet', 'print the id only')
    .addHelpText(
      'after',
      '\nExamples:\n  berth pull docker.io/library/busybox:1.36\n  berth pull registry.k8s.io/pause:3.10',
    )
    .action(async (image: string, { quiet = false }: { quiet?: boolean }) => {
      using daemon = new Daemon(globalOptions(command, io));
      await write(io.stdout, `${await pullShown(daemon, image, io, quiet)}\n`);
    });
};
