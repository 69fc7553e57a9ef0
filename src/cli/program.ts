import { Command } from 'commander';
import { version } from '../../package.json';
import { type Context, type Define, addDaemonOptions, addJsonOption } from './command';

interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Loads the command's own file: `berth --help` needs none of them, nor gRPC. */
  readonly load: () => Promise<{ readonly define: Define }>;
}

const groups: readonly { readonly title: string; readonly entries: readonly Entry[] }[] = [
  {
    title: 'Containers:',
    entries: [
      { name: 'run', summary: 'run a container in a pod of its own', load: () => import('./commands/run') },
      { name: 'ps', summary: 'list containers', load: () => import('./commands/ps') },
      { name: 'logs', summary: 'print the log of a container', load: () => import('./commands/logs') },
      { name: 'exec', summary: 'run a command in a container', load: () => import('./commands/exec') },
      { name: 'attach', summary: 'join the input and output of a container', load: () => import('./commands/attach') },
      { name: 'stats', summary: 'show what containers use', load: () => import('./commands/stats') },
      { name: 'stop', summary: 'stop containers or pods', load: () => import('./commands/stop') },
      { name: 'rm', summary: 'remove containers or pods', load: () => import('./commands/rm') },
    ],
  },
  {
    title: 'Pods and images:',
    entries: [
      { name: 'pods', summary: 'list pods', load: () => import('./commands/pods') },
      { name: 'top', summary: 'show which pods use most', load: () => import('./commands/top') },
      {
        name: 'port-forward',
        summary: 'lead ports of this machine to ports of a pod',
        load: () => import('./commands/port-forward'),
      },
      { name: 'images', summary: 'list images', load: () => import('./commands/images') },
      { name: 'pull', summary: 'pull an image from its registry', load: () => import('./commands/pull') },
      { name: 'load', summary: 'load images from an archive', load: () => import('./commands/load') },
      { name: 'rmi', summary: 'remove images', load: () => import('./commands/rmi') },
      {
        name: 'inspect',
        summary: 'show all about a container, pod or image',
        load: () => import('./commands/inspect'),
      },
    ],
  },
  {
    title: 'Daemon:',
    entries: [
      {
        name: 'check',
        summary: 'check that images and layers are whole, and repair them',
        load: () => import('./commands/check'),
      },
      { name: 'events', summary: 'tell what happens to pods and containers', load: () => import('./commands/events') },
      { name: 'info', summary: 'show the daemon and whether the node is ready', load: () => import('./commands/info') },
      {
        name: 'version',
        summary: 'show the versions of berth and of the daemon',
        load: () => import('./commands/version'),
      },
    ],
  },
];

const examples = `
Examples:
  berth run --rm docker.io/library/busybox echo hello
  berth run -d --name web docker.io/library/nginx
  berth exec -it web sh
  berth ps -a
  berth logs -f --tail 20 web

Names and the beginnings of ids name containers, pods and images alike.
Exit status: 0 done, 1 failed, 2 wrong usage; run and exec end as their command does, or with 125.`;

/** The whole command line of berth. Parsing rejects with CommanderError where commander would exit. */
export function createProgram(context: Context): Command {
  const output = {
    writeOut: (text: string) => void context.io.stdout.write(text),
    writeErr: (text: string) => void context.io.stderr.write(text),
    outputError: (text: string, write: (line: string) => void) => {
      write(
        `berth: ${text
          .trim()
          .replace(/^error: /, '')
          .replaceAll('\n', ' ')} (see --help)\n`,
      );
    },
  };
  const program = addDaemonOptions(addJsonOption(new Command('berth')))
    .description('Shows and changes the containers, pods and images of a berth daemon.')
    .version(version, '--version', 'print the version of this program')
    .helpOption('-h, --help', 'print help; `berth COMMAND --help` for a command')
    .helpCommand(false)
    .usage('[options] COMMAND ...')
    .enablePositionalOptions()
    .configureOutput(output)
    .exitOverride()
    .addHelpText('after', examples);
  const loaders = new Map<string, Entry['load']>();
  for (const { title, entries } of groups) {
    program.commandsGroup(title);
    for (const { name, summary, load } of entries) {
      loaders.set(name, load);
      program.command(name).summary(summary).helpOption('-h, --help', 'print this help');
    }
  }
  return program.hook('preSubcommand', async (_, command) => {
    const load = loaders.get(command.name());
    if (load) (await load()).define(command, context);
    addDaemonOptions(command);
  });
}
