import type { Readable } from 'node:stream';
import { BerthError } from '../../base';
import { sha256Digest } from '../../storage';
import { isDigest } from '../digest';
import { type Descriptor, documentLimit } from '../manifest';
import { manifestAccept } from '../media-types';
import type { Version } from '../reference';
import { streamBlob } from './blob-stream';
import { firstBytes, protocolError, readBody } from './body';
import { statusError } from './status-error';
import type { HttpResponse } from './http';
import { Session, type SessionOptions } from './session';

/** A manifest as it was served, its digest computed and compared. */
export interface ServedManifest {
  readonly digest: string;
  readonly bytes: Buffer;
}

/** One repository at one endpoint (distribution spec, "Pull"). */
export class RegistryClient {
  private readonly session: Session;

  constructor(readonly options: SessionOptions) {
    this.session = new Session(options);
  }

  /** Throws `manifest-not-found`, `digest-mismatch`, or what reaching the registry throws. */
  async manifest(version: Version, signal: AbortSignal): Promise<ServedManifest> {
    const name = version.kind === 'tag' ? version.tag : version.digest;
    const response = await this.session.get(`manifests/${name}`, { accept: manifestAccept }, signal);
    if (response.status !== 200) throw await statusError(response, 'manifest-not-found');
    const bytes = await readBody(response, documentLimit);
    if (/^\s*</.test(bytes.toString('latin1', 0, 64))) {
      throw protocolError(response, `the answer is not JSON, it begins with ${firstBytes(bytes)}`);
    }
    const digest = sha256Digest(bytes);
    if (version.kind === 'digest') this.compare('manifest', version.digest, digest);
    const header = response.headers['docker-content-digest'];
    if (typeof header === 'string' && isDigest(header)) this.compare('manifest', header, digest);
    return { digest, bytes };
  }

  /** A small blob, whole: the image configuration. */
  async document(descriptor: Descriptor, signal: AbortSignal): Promise<Buffer> {
    const response = await this.openAt(descriptor, 0, signal);
    const bytes = await readBody(response, documentLimit);
    this.compare('config', descriptor.digest, sha256Digest(bytes));
    return bytes;
  }

  /** A layer's compressed bytes. Their digest is the reader's to check. */
  async blob(descriptor: Descriptor, signal: AbortSignal): Promise<Readable> {
    return streamBlob((offset, inner) => this.openAt(descriptor, offset, inner), descriptor, signal);
  }

  private async openAt(descriptor: Descriptor, offset: number, signal: AbortSignal): Promise<HttpResponse> {
    const headers: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const response = await this.session.get(`blobs/${descriptor.digest}`, headers, signal);
    if (response.status === 200 || (response.status === 206 && offset > 0)) return response;
    throw await statusError(response, 'registry-protocol');
  }

  private compare(what: string, asked: string, served: string): void {
    if (asked === served) return;
    throw new BerthError('digest-mismatch', {
      op: `fetch ${what}`,
      object: asked,
      detail: `${this.options.endpoint.host} serves ${served}, asked was ${asked}`,
    });
  }
}
