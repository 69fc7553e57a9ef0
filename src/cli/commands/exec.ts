import { isBerthError } from '../../base';
import { type ExecClient, openExec } from '../../streaming';
import { type Define, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { CliError, asEngine, exitStatus, usageError } from '../failure';
import { listTargets, pickContainer } from '../find';
import { type Io, copy } from '../io';

interface ExecOptions {
  readonly interactive?: boolean;
  readonly tty?: boolean;
}

/** berth exec CONTAINER COMMAND... */
export const define: Define = (command, context) => {
  const { io } = context;
  command
    .description('Runs a command in a running container and ends with its exit status; with 125 if berth failed.')
    .argument('<container>', 'name, or the beginning of the id')
    .argument('<command...>', 'the command and its arguments')
    .option('-i, --interactive', 'pass standard input on to the command')
    .option('-t, --tty', 'give the command a terminal (not offered yet)')
    .passThroughOptions()
    .addHelpText(
      'after',
      '\nExamples:\n  berth exec web cat /etc/hostname\n  tar c . | berth exec -i web tar x -C /srv',
    )
    .action(async (reference: string, cmd: string[], { interactive = false, tty }: ExecOptions) => {
      if (tty) throw usageError('exec -t: terminals are not offered yet; leave -t out');
      const options = globalOptions(command, io);
      context.status = await asEngine(async () => {
        using daemon = new Daemon(options);
        const container = pickContainer(await listTargets(daemon, 'containers'), reference);
        const url = await daemon.execUrl(container.id, cmd, interactive);
        const streams = { stdin: interactive, stdout: true, stderr: true, tty: false };
        const left = new AbortController();
        try {
          return await passStreams(await openExec(url, streams, left.signal), io);
        } finally {
          // Where our own output broke off the command is of no more use.
          left.abort();
        }
      });
    });
};

/** Joins the command's streams to ours until it ends. */
async function passStreams(exec: ExecClient, io: Io): Promise<number> {
  if (exec.stdin) {
    // The command need not read to the end: what it leaves is of no consequence, here as in a shell.
    exec.stdin.on('error', () => undefined);
    io.stdin.on('error', () => exec.stdin?.end()).pipe(exec.stdin);
  }
  try {
    await Promise.all([copy(exec.stdout, io.stdout), copy(exec.stderr, io.stderr)]);
    return await exec.status;
  } catch (error) {
    // The daemon's own sentence, remedy and all.
    if (isBerthError(error, 'program-failed')) throw new CliError(error.detail, exitStatus.failed, { cause: error });
    if (!isBerthError(error, 'call-cancelled')) throw error;
    const detail = 'exec: the connection to the daemon was lost; the command has been ended';
    throw new CliError(detail, exitStatus.failed, { cause: error });
  } finally {
    // A terminal or a pipe that is still read would keep berth from ending.
    if (exec.stdin) io.stdin.unpipe(exec.stdin).destroy();
  }
}
