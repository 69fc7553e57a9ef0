import { isIP } from 'node:net';
import { Protocol } from '../../wire';
import { usageError } from '../failure';
import { parsePort } from '../ports';

/** A port of this machine that leads to the pod (CRI PortMapping). */
export interface PublishedPort {
  readonly protocol: Protocol;
  readonly containerPort: number;
  readonly hostPort: number;
  /** Empty for every address of this machine. */
  readonly hostIp: string;
}

const protocols: ReadonlyMap<string, Protocol> = new Map([
  ['tcp', Protocol.TCP],
  ['udp', Protocol.UDP],
  ['sctp', Protocol.SCTP],
]);

/** `8080:80`, `127.0.0.1:8080:80`, `[2001:db8::1]:53:53/udp`. */
export function parsePublish(text: string): PublishedPort {
  const wrong = (why: string) => {
    return usageError(`-p ${JSON.stringify(text)}: ${why}; use [ip:]hostPort:containerPort[/tcp|udp|sctp]`);
  };
  const [, address, host = '', container = '', name = 'tcp'] =
    /^(?:(\[[^\]]*\]|[^:[\]]*):)?([^:]*):([^:/]*)(?:\/(.*))?$/.exec(text) ?? [];
  const protocol = protocols.get(name.toLowerCase());
  if (protocol === undefined) throw wrong(`${JSON.stringify(name)} is no protocol`);
  const [hostPort, containerPort] = [parsePort(host), parsePort(container)];
  if (!hostPort || !containerPort) throw wrong('two ports from 1 to 65535 are needed');
  const hostIp = address?.replace(/^\[|\]$/g, '') ?? '';
  // A whole IPv6 address is in brackets, as in a URL: its colons are no others.
  const family = address === undefined ? undefined : address.startsWith('[') ? 6 : 4;
  if (family !== undefined && isIP(hostIp) !== family) throw wrong(`${JSON.stringify(address)} is no IP address`);
  return { protocol, containerPort, hostPort, hostIp };
}
