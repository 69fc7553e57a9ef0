import { openExec } from '../../streaming';
import { type Define, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { asEngine, exitStatus, usageError } from '../failure';
import { listTargets, pickContainer } from '../find';
import { runSession } from '../streams/session';
import { detachKeysOption, parseDetachKeys } from '../terminal/detach-keys';

interface ExecOptions {
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly detachKeys: string;
}

const examples = `
Examples:
  berth exec -it web sh
  berth exec web cat /etc/hostname
  tar c . | berth exec -i web tar x -C /srv

With -it Ctrl-C goes to the command; else it ends berth and the command with it. Leaving by --detach-keys ends the
command, too: it lives no longer than its session.`;

/** berth exec CONTAINER COMMAND... */
export const define: Define = (command, context) => {
  const { io } = context;
  command
    .description('Runs a command in a running container and ends with its exit status; with 125 if berth failed.')
    .argument('<container>', 'name, or the beginning of the id')
    .argument('<command...>', 'the command and its arguments')
    .option('-i, --interactive', 'pass standard input on to the command')
    .option('-t, --tty', 'give the command a terminal: this one')
    .addOption(detachKeysOption())
    .passThroughOptions()
    .addHelpText('after', examples)
    .action(async (reference: string, cmd: string[], given: ExecOptions) => {
      const { interactive = false, tty = false } = given;
      const detachKeys = parseDetachKeys(given.detachKeys);
      if (tty && !io.terminal) throw usageError('exec -t: standard input is no terminal; leave -t out');
      const options = globalOptions(command, io);
      context.status = await asEngine(async () => {
        using daemon = new Daemon(options);
        const container = pickContainer(await listTargets(daemon, 'containers'), reference);
        const streams = { stdin: interactive, stdout: true, stderr: !tty, tty };
        const end = await runSession(io, {
          op: 'exec',
          open: async (signal) => openExec(await daemon.execUrl(container.id, cmd, streams), streams, signal),
          lost: 'exec: the connection to the daemon was lost; the command has been ended',
          terminal: tty ? io.terminal : undefined,
          detachKeys,
        });
        return end.kind === 'exited' ? end.code : exitStatus.ok;
      });
    });
};
