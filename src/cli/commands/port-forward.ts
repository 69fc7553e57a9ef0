import { openPortForward } from '../../streaming';
import { type Define, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { CliError, failureOf } from '../failure';
import { listTargets, pick } from '../find';
import { forwardPorts } from '../forward/forward';
import { parseAddresses, parseForward } from '../forward/parse';
import { write } from '../io';

const collect = (value: string, before: string[] = []) => [...before, value];

const examples = `
Examples:
  berth port-forward web 8080:80
  berth port-forward web :80
  berth port-forward --address 0.0.0.0 web 8080:80 8443:443

Prints each address that it listens on. Ctrl-C ends it.`;

/** berth port-forward POD [LOCAL:]REMOTE... */
export const define: Define = (command, { io }) => {
  command
    .description('Leads ports of this machine to ports of a pod, until it is ended.')
    .argument('<pod>', 'name, or the beginning of the id, of the pod or of a container in it')
    .argument('<port...>', '[LOCAL:]REMOTE; :REMOTE takes a free port of this machine')
    .option('--address <ip>', 'listen on this address instead of 127.0.0.1 (repeatable)', collect)
    .addHelpText('after', examples)
    .action(async (reference: string, texts: string[], given: { address?: string[] }) => {
      const ports = texts.map(parseForward);
      const addresses = parseAddresses(given.address ?? ['127.0.0.1']);
      const ended = new AbortController();
      using _ = io.onInterrupt(() => ended.abort());
      using daemon = new Daemon(globalOptions(command, io), ended.signal);
      const target = pick(await listTargets(daemon, 'all'), reference);
      const podId = target.kind === 'pod' ? target.id : target.container.podSandboxId;
      const url = await daemon.portForwardUrl(podId, [...new Set(ports.map(({ remote }) => remote))]);
      const session = await openPortForward(url, ended.signal);
      try {
        await forwardPorts(session, addresses, ports, {
          ready: (line) => write(io.stdout, `${line}\n`),
          failed: (cause) => {
            // What our own end breaks off is no failure.
            if (ended.signal.aborted) return;
            void write(io.stderr, `berth: ${failureOf(cause).line ?? ''}\n`).catch(() => undefined);
          },
          until: session.over,
        });
      } finally {
        session.close();
      }
      if (!ended.signal.aborted) throw new CliError('port-forward: the connection to the daemon was lost');
    });
};
