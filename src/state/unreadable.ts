import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { asidePath, type BerthError, type Log } from '../base';

const text = z.string();
const texts = z.array(text);

/** What every reader of these records counts on. What a later berth adds is let through. */
export const imageShape = z.looseObject({
  id: text,
  repoTags: texts,
  repoDigests: texts,
  manifestDigest: text,
  layers: texts,
  chainIds: texts,
  size: z.bigint(),
  config: z.looseObject({ env: texts, entrypoint: texts, cmd: texts, volumes: texts, labels: z.record(text, text) }),
});

export const layerShape = z.looseObject({
  chainId: text,
  diffId: text,
  parentChainId: text.optional(),
  blobDigest: text,
  unpackedBytes: z.bigint(),
  inodes: z.bigint(),
});

/**
 * Sets records of images and layers aside that cannot be read: both can be pulled again. Pods and containers cannot:
 * to forget one would leave what it has on the machine to nobody, so theirs keep berthd from starting.
 */
export function setRecordAside(root: string, kind: string, log: Log) {
  return async (id: string, bytes: Uint8Array, reason: BerthError): Promise<void> => {
    const aside = asidePath(root, `${kind}-${id}`);
    await mkdir(dirname(aside), { recursive: true, mode: 0o700 });
    await writeFile(aside, bytes, { mode: 0o600, flush: true });
    log.error({ err: reason, aside }, `a record cannot be read and was set aside: ${reason.message}`);
  };
}
