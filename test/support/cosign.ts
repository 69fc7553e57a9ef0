import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Blob, blobOf } from './image-builder';
import type { TestRegistry } from './registry';

const simpleSigning = 'application/vnd.dev.cosign.simplesigning.v1+json';

/** What `cosign sign --key` would sign. */
export function cosignPayload(digest: string, reference: string): Buffer {
  const critical = {
    identity: { 'docker-reference': reference },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
  };
  return Buffer.from(JSON.stringify({ critical, optional: null }));
}

/**
 * Signs as cosign does, and attaches. Debian's skopeo is built without it, and cosign is not in Debian.
 */
export class CosignKey {
  readonly publicKey: KeyObject;

  constructor(readonly privateKey: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey) {
    this.publicKey = createPublicKey(privateKey);
  }

  get pem(): string {
    return this.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }

  sign(payload: Buffer): Buffer {
    return sign(this.privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256', payload, this.privateKey);
  }

  /** The layer of an attachment. */
  layer(payload: Buffer, more: Readonly<Record<string, string>> = {}): AttachedLayer {
    const annotations = { 'dev.cosignproject.cosign/signature': this.sign(payload).toString('base64'), ...more };
    return { payload: blobOf(payload), annotations };
  }
}

export interface AttachedLayer {
  readonly payload: Blob;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Puts signatures beside an image, under the tag that cosign gives them. */
export async function attach(
  registry: TestRegistry,
  repository: string,
  digest: string,
  layers: readonly AttachedLayer[],
): Promise<void> {
  const manifest = attachmentOf(layers);
  for (const blob of [manifest.config, ...layers.map(({ payload }) => payload)])
    await registry.pushBlob(repository, blob);
  await registry.pushManifest(repository, `${digest.replace(':', '-')}.sig`, manifest.manifest);
}

export function attachmentOf(layers: readonly AttachedLayer[]): { readonly config: Blob; readonly manifest: Blob } {
  const config = blobOf(
    Buffer.from(JSON.stringify({ architecture: '', os: '', rootfs: { type: 'layers', diff_ids: [] } })),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config.digest, size: config.bytes.length },
    layers: layers.map(({ payload, annotations }) => ({
      mediaType: simpleSigning,
      digest: payload.digest,
      size: payload.bytes.length,
      annotations,
    })),
  };
  return { config, manifest: blobOf(Buffer.from(JSON.stringify(manifest))) };
}

/** A transparency log that promises to have an entry: what rekor answers and cosign keeps as a bundle. */
export class TestLog {
  private readonly key = new CosignKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);

  get pem(): string {
    return this.key.pem;
  }

  /** The annotation for an entry; `change` alters it before it is promised. */
  bundle(
    payload: Buffer,
    signature: Buffer,
    signer: CosignKey,
    change: (entry: Record<string, unknown>) => Record<string, unknown> = (entry) => entry,
  ): string {
    const entry = change({
      apiVersion: '0.0.1',
      kind: 'hashedrekord',
      spec: {
        data: { hash: { algorithm: 'sha256', value: createHash('sha256').update(payload).digest('hex') } },
        signature: {
          content: signature.toString('base64'),
          publicKey: { content: Buffer.from(signer.pem).toString('base64') },
        },
      },
    });
    const body = Buffer.from(JSON.stringify(entry)).toString('base64');
    const promised = { body, integratedTime: 1_700_000_000, logID: 'ab'.repeat(32), logIndex: 7 };
    return JSON.stringify({
      // Keys in another order than the promise has them: it is of the canonical form.
      SignedEntryTimestamp: this.key.sign(Buffer.from(JSON.stringify(promised))).toString('base64'),
      Payload: { logIndex: 7, logID: promised.logID, integratedTime: promised.integratedTime, body },
    });
  }
}
