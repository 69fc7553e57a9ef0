import type { Overrides } from '../../config';
import type { admin } from '../../wire';
import { checkOffline } from '../check/offline';
import { asideLine, problemLines, statusOf, summaryLine, type Report } from '../check/report';
import { type Define, addJsonOption, globalOptions } from '../command';
import { Daemon, isUnreachable } from '../daemon';
import { CliError, exitStatus, failureOf } from '../failure';
import { type Io, screenOf, write } from '../io';
import { json } from '../output/json';

interface Options extends Overrides {
  readonly quick?: boolean;
  readonly repair?: boolean;
  readonly discard?: boolean;
  readonly config: string;
}

/** berth check */
export const define: Define = (command, context) => {
  const { io } = context;
  addJsonOption(command)
    .description(
      'Checks that images and layers are on the disk as their digests say: each layer is unpacked once more.',
    )
    .option('--quick', 'look whether everything is there, and read no layer')
    .option('--repair', 'bring back what is damaged or missing: from its own blob, else from its registry')
    .option('--discard', 'delete what earlier repairs have set aside')
    .option('--config <file>', 'without a daemon: its configuration', '/etc/berth/berth.toml')
    .option('--root <dir>', 'without a daemon: where its state is')
    .option('--run-root <dir>', 'without a daemon: where its mounts and sockets are')
    .option('--libexec-dir <dir>', "without a daemon: folder of berth's native programs")
    .addHelpText(
      'after',
      '\nExit status: 0 all whole, or repaired; 1 damage is left; 2 something could not be checked.',
    )
    .action(async () => {
      const options = globalOptions(command, io);
      const interrupted = new AbortController();
      using _ = io.onInterrupt(() => interrupted.abort());
      const report: Report = { problems: [], aside: [], summary: undefined };
      try {
        for await (const event of events(command.opts<Options>(), command.getOptionValueSource('config') === 'cli')) {
          await tell(io, options.json, event, report);
        }
      } catch (error) {
        const { status, line } = failureOf(error);
        throw status === exitStatus.failed ? new CliError(line ?? '', exitStatus.usage, { cause: error }) : error;
      }
      await write(io.stdout, options.json ? json(report) : summaryLine(report));
      context.status = statusOf(report);

      async function* events(own: Options, configGiven: boolean): AsyncGenerator<admin.CheckEvent> {
        const { quick = false, repair = false, discard = false, config, root, runRoot, libexecDir } = own;
        const request = { quick, repair, discard };
        using daemon = new Daemon(options, interrupted.signal);
        try {
          yield* daemon.check(request);
        } catch (error) {
          if (!isUnreachable(error)) throw error;
          const overrides = Object.fromEntries(
            Object.entries({ root, runRoot, libexecDir }).filter(([, value]) => value !== undefined),
          );
          yield* checkOffline({ config, configGiven, overrides }, request, interrupted.signal);
        }
      }
    });
};

/** Prints what is found as it is found; JSON is one object, at the end. */
async function tell(io: Io, asJson: boolean, event: admin.CheckEvent, report: Report): Promise<void> {
  const { problem, aside, summary, progress } = event;
  if (problem) report.problems.push(problem);
  if (aside) report.aside.push(aside);
  if (summary) report.summary = summary;
  if (asJson) return;
  const terminal = screenOf(io.stderr) !== undefined;
  if (progress && terminal) await write(io.stderr, `\rlayers: ${progress.done} of ${progress.total}`);
  if (progress && terminal && progress.done === progress.total) await write(io.stderr, '\n');
  if (problem) await write(io.stdout, problemLines(problem));
  if (aside) await write(io.stdout, asideLine(aside));
}
