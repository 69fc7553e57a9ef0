import { isIP } from 'node:net';
import { z } from 'zod';
import { BerthError, messageOf } from '../../base';

const resultSchema = z.looseObject({
  ips: z.array(z.looseObject({ address: z.string() })).optional(),
});

/** The pod's addresses, in the order of the result of the last plugin: the first is the pod's IP. */
export function resultIps(result: string, network: string): readonly string[] {
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
  const ips = (parsed.data.ips ?? []).map(({ address }) => address.split('/')[0] ?? '');
  const bad = ips.find((ip) => isIP(ip) === 0);
  if (bad !== undefined) throw fail(`the result holds ${JSON.stringify(bad)} instead of an address`);
  if (ips.length === 0) throw fail('the result holds no address');
  return ips;
}
