import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type Context, type Define, globalOptions } from '../command';
import { asEngine, usageError } from '../failure';
import { attachedRun, detachedRun } from '../run/session';
import { runName } from '../run/names';
import { detachKeysOption, parseDetachKeys } from '../terminal/detach-keys';
import { parseEnv, parseUser, parseVolume } from '../run/parse';
import { parsePublish } from '../run/publish';

interface RunOptions {
  readonly rm?: boolean;
  readonly detach?: boolean;
  readonly name?: string;
  readonly net: string;
  readonly publish?: string[];
  readonly quiet?: boolean;
  readonly env?: string[];
  readonly volume?: string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly privileged?: boolean;
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly detachKeys: string;
}

const collect = (value: string, before: string[] = []) => [...before, value];

const examples = `
Examples:
  berth run --rm docker.io/library/busybox echo hello
  berth run -d --name web -p 127.0.0.1:8080:80 -v /srv:/data:ro docker.io/library/nginx
  berth run --rm -it docker.io/library/busybox sh
  berth run --rm --net host -u 1000:1000 docker.io/library/alpine id

Ctrl-C stops the container; twice kills it. With -it it goes to the container, and --detach-keys leave that running.
berth ends as the container does, or with 125 if berth failed.`;

/** berth run IMAGE [COMMAND...] */
export const define: Define = (command, context) => {
  command
    .description('Runs a container in a pod of its own, pulling the image if it is not there, and shows its output.')
    .argument('<image>', 'name or id of the image')
    .argument('[command...]', "words that replace the image's default command")
    .option('-i, --interactive', 'pass standard input on to it')
    .option('-t, --tty', 'give it a terminal: this one')
    .option('-d, --detach', 'print the id and leave it running')
    .option('-q, --quiet', 'say nothing of a pull')
    .option('--rm', 'remove container, pod and log when it ends')
    .option('--name <name>', 'name of container and pod, and host name')
    .option('--net <pod|host>', "a pod's own network, or the network of this machine", 'pod')
    .option('-p, --publish <port>', 'lead [ip:]hostPort to :containerPort[/tcp|udp|sctp] (repeatable)', collect)
    .option('-e, --env <KEY=value>', 'set a variable, or pass on your own by KEY (repeatable)', collect)
    .option('-v, --volume <host:container[:ro]>', 'mount a file or folder of this machine (repeatable)', collect)
    .option('-u, --user <user>', 'run as NAME, UID or UID:GID')
    .option('-w, --workdir <path>', 'start in this folder')
    .option('--privileged', 'without confinement: with all devices and capabilities')
    .addOption(detachKeysOption())
    .passThroughOptions()
    .addHelpText('after', examples)
    .action(async (image: string, words: string[], options: RunOptions) => {
      const request = { ...read(image, words, options, context), ...globalOptions(command, context.io) };
      context.status = await asEngine(() => {
        return options.detach
          ? detachedRun(request, context.io)
          : attachedRun(request, context.io, options.rm ?? false);
      });
    });
};

/** Checks all that can be checked before anything is done. */
function read(image: string, command: readonly string[], options: RunOptions, { io }: Context) {
  if (options.tty && !options.detach && !io.terminal) {
    throw usageError('run -t: standard input is no terminal; leave -t out, or use -d and attach later');
  }
  if (options.rm && options.detach) throw usageError('--rm needs berth to stay until the end: leave out -d or --rm');
  if (options.net !== 'pod' && options.net !== 'host') throw usageError(`--net ${options.net}: use pod or host`);
  if (options.workdir !== undefined && !options.workdir.startsWith('/')) {
    throw usageError(`-w ${options.workdir}: an absolute path in the container is needed`);
  }
  const ports = (options.publish ?? []).map(parsePublish);
  if (ports.length > 0 && options.net === 'host') {
    throw usageError('-p: with --net host the container has the ports of this machine: leave out -p');
  }
  const name = runName(options.name, image);
  const uid = randomUUID();
  return {
    name,
    uid,
    image,
    command,
    ports,
    quiet: options.quiet ?? false,
    env: (options.env ?? []).map((text) => parseEnv(text, io.env)),
    volumes: (options.volume ?? []).map(parseVolume),
    user: options.user === undefined ? undefined : parseUser(options.user),
    workingDir: options.workdir ?? '',
    hostNetwork: options.net === 'host',
    privileged: options.privileged ?? false,
    interactive: options.interactive ?? false,
    tty: options.tty ?? false,
    detachKeys: parseDetachKeys(options.detachKeys),
    logFolder: join(io.env['BERTH_LOG_DIR'] ?? '/var/log/berth', `${name}-${uid}`),
  };
}
