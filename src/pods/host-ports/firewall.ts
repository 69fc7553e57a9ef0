import { isIP } from 'node:net';
import { BerthError, isBerthError, messageOf, type Log } from '../../base';
import { runWithInput, type Kernel } from '../../kernel';
import { familiesOf, isWildcard } from './mappings';
import { ruleset, type Served } from './ruleset';

/** One nft table, and the kernel's memory of flows that went by it. */
export interface Firewall {
  /** Makes the table what the pods ask for when it is written; calls that come together are one. */
  apply(pods: () => readonly Served[]): Promise<void>;
  /**
   * UDP has no connections: a client that goes on sending stays with the decision that its first packet met. What was
   * decided for these ports is forgotten, where there is conntrack(8).
   */
  forgetFlows(pod: Served): Promise<void>;
}

/** A table of thousands of ports is written within a second. */
const nftTimeoutMs = 30_000;
const conntrackTimeoutMs = 10_000;

export interface FirewallParts {
  readonly kernel: Kernel;
  readonly table: string;
  /** Where nft and conntrack are looked for. */
  readonly searchPath: string;
  readonly log: Log;
}

export function createFirewall({ kernel, table, searchPath, log }: FirewallParts): Firewall {
  const env = { PATH: searchPath };

  const write = async (text: string): Promise<void> => {
    const object = `table inet ${table}`;
    const fail = (detail: string) => new BerthError('program-failed', { op: 'map host ports', object, detail });
    const request = { path: 'nft', args: ['-f', '-'], env, timeoutMs: nftTimeoutMs };
    const result = await runWithInput(kernel, request, text);
    if (result.timedOut) throw fail('nft did not end in time');
    if (result.exitCode !== 0) throw fail(`nft: ${result.stderr.toString('utf8').trim().slice(0, 500)}`);
  };

  let last: Promise<void> = Promise.resolve();
  let queued: Promise<void> | undefined;

  return {
    apply(pods) {
      queued ??= last
        // Its own callers have heard of it.
        .catch(() => undefined)
        .then(() => {
          queued = undefined;
          return (last = write(ruleset(table, pods())));
        });
      return queued;
    },

    async forgetFlows({ ports, addresses }) {
      const udp = ports.filter(({ protocol }) => protocol === 'udp');
      const families = new Set(addresses.map(({ ip }) => isIP(ip)));
      for (const port of udp) {
        for (const family of familiesOf(port).filter((each) => families.has(each))) {
          const where = isWildcard(port.hostIp) ? [] : ['--orig-dst', port.hostIp];
          const what = ['-D', '-f', `ipv${family}`, '-p', 'udp', '--orig-port-dst', String(port.hostPort), ...where];
          try {
            // It fails where there is nothing to delete.
            await kernel.run({ path: 'conntrack', args: what, env, timeoutMs: conntrackTimeoutMs });
          } catch (error) {
            if (isBerthError(error, 'program-missing')) return;
            log.warn({ err: error }, `flows to UDP port ${port.hostPort} are not forgotten: ${messageOf(error)}`);
          }
        }
      }
    },
  };
}
