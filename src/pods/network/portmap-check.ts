import { isIP } from 'node:net';
import { isBerthError } from '../../base';
import { resultAddresses } from './result';

/**
 * Whether what portmap's CHECK complains of is no fault of the pod's network. Before 1.3.0 (Debian 12 has 1.1.1) the plugin looks for
 * the rules of each address in the tables of both families, IPv4's first, so that every pod with a host port fails: one of IPv4
 * alone when its own rules have been found, one of both families at the rules of its IPv4 address, which it seeks in ip6tables. Which
 * family's tables are meant is said by its message alone.
 */
export function asksOtherFamily(error: unknown, result: string, network: string): boolean {
  if (!isBerthError(error, 'network-plugin-failed')) return false;
  const table = Number(/^could not check ipv([46]) dnat: /.exec(error.detail)?.[1]);
  if (!table) return false;
  // A rule that it has not found leads to an address of the family that the rule is for.
  const rule = /--to-destination (\[?)/.exec(error.detail);
  if (rule) return table !== (rule[1] ? 6 : 4);
  return resultAddresses(result, network).every(({ ip }) => isIP(ip) !== table);
}
