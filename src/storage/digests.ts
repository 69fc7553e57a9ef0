import { createHash } from 'node:crypto';
import { BerthError } from '../base';

const pattern = /^sha256:([0-9a-f]{64})$/;

/**
 * The 64 hexadecimal digits of a digest (image spec, descriptor.md): the only way from a digest to a path. Rejects
 * `manifest-invalid` for anything else, other algorithms included.
 */
export function digestHex(digest: string, op: string): string {
  const hex = pattern.exec(digest)?.[1];
  if (hex === undefined) {
    const detail = 'not a digest of the form sha256:<64 hexadecimal digits>';
    throw new BerthError('manifest-invalid', { op, object: digest.slice(0, 100), detail });
  }
  return hex;
}

/** `sha256:…` of the bytes. */
export function sha256Digest(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The chain id of a layer on its parent's (image spec, config.md, "Layer ChainID"). */
export function chainId(parent: string | undefined, diffId: string): string {
  return parent === undefined ? diffId : sha256Digest(`${parent} ${diffId}`);
}

/** The chain ids of layers, base first, from their diff ids. */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) chain.push(chainId(chain.at(-1), diffId));
  return chain;
}

/**
 * The chain id of an artifact's only layer. The prefix keeps it apart from those of images: they are digests of archives,
 * or of two digests.
 */
export function artifactChainId(manifestDigest: string): string {
  return sha256Digest(`berth artifact ${manifestDigest}`);
}

/** The error for bytes that are not those that were named: tells both digests. */
export function digestMismatch(op: string, object: string, expected: string, got: string): BerthError {
  return new BerthError('digest-mismatch', { op, object, detail: `expected ${expected}, got ${got}` });
}
