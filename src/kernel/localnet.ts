import { readFile, writeFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { BerthError, errnoOf, messageOf } from '../base';

/**
 * The host's interface through which an IPv4 address is reached, by the main table; undefined if only the default route
 * leads there, or none.
 */
export async function interfaceTo(ip: string): Promise<string | undefined> {
  const target = numberOf(ip);
  // Iface Destination Gateway Flags RefCnt Use Metric Mask …, with addresses as hexadecimal words of this machine's order.
  const routes = (await readFile('/proc/net/route', 'utf8')).split('\n').slice(1);
  let [best, longest] = [undefined as string | undefined, 0];
  for (const route of routes) {
    const [name = '', destination = '', , , , , , maskText = ''] = route.split('\t');
    const mask = wordOf(maskText);
    if (name === '' || mask <= longest || (target & mask) >>> 0 !== wordOf(destination)) continue;
    [best, longest] = [name, mask];
  }
  return best;
}

/**
 * Whether packets from and to 127.0.0.0/8 may pass an interface (route_localnet); undefined if it is gone.
 * @throws `kernel-refused` with the errno.
 */
export async function routeLocalnet(name: string): Promise<boolean | undefined> {
  return atInterface(name, 'read', async (path) => (await readFile(path, 'utf8')).trim() === '1');
}

/** Lets them pass, or no longer; an interface that is gone is success. */
export async function setRouteLocalnet(name: string, on: boolean): Promise<void> {
  await atInterface(name, 'write', (path) => writeFile(path, on ? '1' : '0'));
}

async function atInterface<T>(name: string, verb: string, step: (path: string) => Promise<T>): Promise<T | undefined> {
  const path = `/proc/sys/net/ipv4/conf/${name}/route_localnet`;
  try {
    return await step(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new BerthError('kernel-refused', { op: verb, object: path, detail: messageOf(error), cause: error });
  }
}

/** An address in network order, as a number whose first byte is the highest. */
function numberOf(ip: string): number {
  return isIPv4(ip) ? Buffer.from(ip.split('.').map(Number)).readUInt32BE() : 0;
}

/** The word of /proc/net/route as such a number. All machines that berth runs on are little-endian. */
function wordOf(hex: string): number {
  return /^[0-9A-F]{8}$/i.test(hex) ? Buffer.from(hex, 'hex').readUInt32LE() : 0;
}
