import { type Log, messageOf } from '../../base';
import type { Descriptor } from '../manifest';
import { isBlob, type OpenAt, rangeFrom } from './blob-stream';
import { httpUrl } from './endpoint';
import type { PatientHttp } from './patient';
import { statusError } from './status-error';

/**
 * The way to a layer that registries may not hand on (image spec, layer.md, "Non-Distributable Layers"): the addresses
 * that its descriptor names, in their order, then the registry. They are the image's own words, so no credentials are
 * ever sent there (CVE-2020-15157).
 */
export function foreignFirst(http: PatientHttp, descriptor: Descriptor, registry: OpenAt, log: Log): OpenAt {
  const urls = isForeign(descriptor) ? (descriptor.urls ?? []) : [];
  let chosen: OpenAt | undefined;
  return async (offset, signal) => {
    if (chosen) return chosen(offset, signal);
    for (const text of urls) {
      const url = httpUrl(text);
      if (!url) continue;
      const candidate = openUrl(http.elsewhere(url), url);
      try {
        const response = await candidate(offset, signal);
        chosen = candidate;
        return response;
      } catch (error) {
        if (signal.aborted) throw error;
        log.info({ layer: descriptor.digest, cause: messageOf(error) }, 'a foreign layer is not where its image says');
      }
    }
    chosen = registry;
    return registry(offset, signal);
  };
}

function isForeign({ mediaType }: Descriptor): boolean {
  return mediaType.includes('.nondistributable.') || mediaType.includes('.foreign.');
}

function openUrl(http: PatientHttp, url: URL): OpenAt {
  return async (offset, signal) => {
    const response = await http.send({ method: 'GET', url, headers: rangeFrom(offset) }, http.tries(), signal);
    if (isBlob(response, offset)) return response;
    throw await statusError(response, 'registry-protocol');
  };
}
