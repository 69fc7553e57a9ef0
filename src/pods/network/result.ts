import { isIP } from 'node:net';
import { z } from 'zod';
import { BerthError, messageOf } from '../../base';

/** Before version 0.3.0 a result has one address of each family at the most. */
const singleSchema = z.looseObject({ ip: z.string() }).optional();

const resultSchema = z.looseObject({
  ips: z.array(z.looseObject({ address: z.string() })).optional(),
  ip4: singleSchema,
  ip6: singleSchema,
});

/** An address of a pod, with the length of its subnet's prefix. */
export interface PodAddress {
  readonly ip: string;
  readonly prefix: number;
}

/**
 * The pod's addresses, in the order of the result of the last plugin: the first is the pod's IP.
 * @throws `network-plugin-failed` for what is no CNI result, or one without an address.
 */
export function resultAddresses(result: string, network: string): readonly PodAddress[] {
  const fail = (detail: string, cause?: unknown) =>
    new BerthError('network-plugin-failed', { op: 'CNI ADD', object: `network ${network}`, detail, cause });
  let json: unknown;
  try {
    json = JSON.parse(result);
  } catch (error) {
    throw fail(`the result is not JSON: ${messageOf(error)}`, error);
  }
  const parsed = resultSchema.safeParse(json);
  if (!parsed.success) throw fail('the result is not a CNI result');
  const { ips, ip4, ip6 } = parsed.data;
  const texts = ips?.map(({ address }) => address) ?? [ip4?.ip, ip6?.ip].filter((ip) => ip !== undefined);
  if (texts.length === 0) throw fail('the result holds no address');
  return texts.map((text) => {
    const address = parseAddress(text);
    if (!address) throw fail(`the result holds ${JSON.stringify(text)} instead of an address`);
    return address;
  });
}

function parseAddress(text: string): PodAddress | undefined {
  const [ip = '', length, ...more] = text.split('/');
  const family = isIP(ip);
  const bits = family === 6 ? 128 : 32;
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : bits + 1;
  return family === 0 || prefix > bits || more.length > 0 || ip.includes('%') ? undefined : { ip, prefix };
}
