import type { Readable } from 'node:stream';
import { BerthError } from '../../base';
import { sha256Digest } from '../../storage';
import { isDigest } from '../digest';
import { type Descriptor, documentLimit } from '../manifest';
import { manifestAccept } from '../media-types';
import type { Version } from '../reference';
import { isBlob, type OnBytes, rangeFrom, streamBlob } from './blob-stream';
import { firstBytes, protocolError, readBody } from './body';
import { printable } from './endpoint';
import { foreignFirst } from './foreign';
import type { HttpResponse } from './http';
import { statusError } from './status-error';
import { Session, type SessionOptions } from './session';

/** A manifest as it was served, its digest computed and compared. */
export interface ServedManifest {
  readonly digest: string;
  readonly bytes: Buffer;
}

export interface ClientOptions extends SessionOptions {
  /** Told of the bytes of layers as they come: for events and metrics. */
  readonly onBytes?: OnBytes;
}

/** One repository at one endpoint (distribution spec, "Pull"). */
export class RegistryClient {
  private readonly session: Session;

  constructor(readonly options: ClientOptions) {
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
    if (version.kind === 'digest') compare('manifest', version.digest, digest, response);
    const header = response.headers['docker-content-digest'];
    if (typeof header === 'string' && isDigest(header)) compare('manifest', header, digest, response);
    return { digest, bytes };
  }

  /** A small blob, whole: the image configuration. */
  async document(descriptor: Descriptor, signal: AbortSignal): Promise<Buffer> {
    const response = await this.openAt(descriptor, 0, signal);
    const bytes = await readBody(response, documentLimit);
    compare('config', descriptor.digest, sha256Digest(bytes), response);
    return bytes;
  }

  /** A layer's compressed bytes. Their digest is the reader's to check. */
  async blob(descriptor: Descriptor, signal: AbortSignal): Promise<Readable> {
    const { log, onBytes } = this.options;
    const registry = (offset: number, inner: AbortSignal) => this.openAt(descriptor, offset, inner);
    return streamBlob(foreignFirst(this.session.http, descriptor, registry, log), descriptor, signal, onBytes);
  }

  private async openAt(descriptor: Descriptor, offset: number, signal: AbortSignal): Promise<HttpResponse> {
    const response = await this.session.get(`blobs/${descriptor.digest}`, rangeFrom(offset), signal);
    if (isBlob(response, offset)) return response;
    throw await statusError(response, 'registry-protocol');
  }
}

function compare(what: string, asked: string, served: string, { url }: HttpResponse): void {
  if (asked === served) return;
  throw new BerthError('digest-mismatch', {
    op: `fetch ${what}`,
    object: asked,
    detail: `${printable(url)} serves ${served}, asked was ${asked}`,
  });
}
