import { openAttach } from '../../streaming';
import { type Define, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { asEngine, exitStatus } from '../failure';
import { listTargets, pickContainer } from '../find';
import { write } from '../io';
import { runSession } from '../streams/session';
import { detachKeysOption, parseDetachKeys } from '../terminal/detach-keys';

interface AttachOptions {
  readonly stdin: boolean;
  readonly detachKeys: string;
}

const examples = `
Examples:
  berth attach shell
  berth attach --no-stdin web

What the container wrote before is in \`berth logs\`. A terminal is left by --detach-keys, anything else by Ctrl-C: the
container runs on. A reader that is too slow is detached; the container never waits for one.`;

/** berth attach CONTAINER */
export const define: Define = (command, context) => {
  const { io } = context;
  command
    .description("Joins a container's own input and output, and ends with its exit status; with 125 if berth failed.")
    .argument('<container>', 'name, or the beginning of the id')
    .option('--no-stdin', 'look on only')
    .addOption(detachKeysOption())
    .addHelpText('after', examples)
    .action(async (reference: string, given: AttachOptions) => {
      const detachKeys = parseDetachKeys(given.detachKeys);
      const options = globalOptions(command, io);
      context.status = await asEngine(async () => {
        using daemon = new Daemon(options);
        const { id } = pickContainer(await listTargets(daemon, 'containers'), reference);
        const has = await streamsOf(daemon, id);
        const tty = has.tty && io.terminal !== undefined;
        const streams = { stdin: given.stdin && has.stdin, stdout: true, stderr: !tty, tty };
        const end = await runSession(io, {
          op: 'attach',
          open: async (signal) => openAttach(await daemon.attachUrl(id, streams), streams, signal),
          lost: 'attach: the connection to the daemon was lost; the container runs on',
          terminal: tty ? io.terminal : undefined,
          detachKeys,
        });
        if (end.kind === 'exited') return end.code;
        await write(io.stderr, '\ndetached: the container runs on\n');
        return exitStatus.ok;
      });
    });
};

/** Whether the container was created with a terminal, and with an input; CRI tells neither, so that it is in the verbose info. */
async function streamsOf(daemon: Daemon, id: string): Promise<{ readonly tty: boolean; readonly stdin: boolean }> {
  const { info } = await daemon.containerStatus(id, true);
  const told: unknown = JSON.parse(info['info'] ?? '{}');
  const is = (name: string) => told instanceof Object && Reflect.get(told, name) === true;
  return { tty: is('tty'), stdin: is('stdin') };
}
