import { BerthError, isBerthError, throwIfAborted } from '../../base';
import type { ImageRecord } from '../../state';
import { artifactChainId } from '../../storage';
import { noKeys } from '../credentials';
import { layerSources, type ImageStorage } from '../install';
import { pullImage, type PullDeps } from '../pull';
import { parseReference } from '../reference';
import type { RegistriesConf } from '../registries-conf';
import type { Documents } from './documents';

/**
 * Brings back what an image lacks: layers from their own blobs where these and the documents are whole; else the image
 * is pulled again, by a name with its digest, and only what is bad is fetched. Rejects with what the last one said.
 */
export async function mendImage(
  deps: PullDeps,
  conf: RegistriesConf,
  { image, content }: Documents,
  bad: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  const storage = mending(deps.storage, bad);
  if (content) {
    try {
      const layers = layerSources({ manifest: content.manifest, openLayer: fromNowhere }, content.config, image);
      await storage.addLayers(layers, signal);
      return;
    } catch (error) {
      throwIfAborted(signal, 'mend an image', nameOf(image));
      if (!isBerthError(error, 'layer-missing')) throw error;
    }
  }
  await pullAgain({ ...deps, storage }, conf, image, signal);
}

/** A storage to which layers that are bad are not there. */
function mending(storage: ImageStorage, bad: ReadonlySet<string>): ImageStorage {
  return {
    ...storage,
    addLayers: async (sources, signal, onLayer) => {
      await storage.check.mend(sources, bad, signal);
      return storage.addLayers(sources, signal, onLayer);
    },
    addArtifact: async (artifact, signal) => {
      const chainId = artifactChainId(artifact.manifestDigest);
      if (bad.has(chainId)) await storage.check.setArtifactAside(chainId, signal);
      return storage.addArtifact(artifact, signal);
    },
  };
}

function fromNowhere({ digest }: { readonly digest: string }): Promise<never> {
  const detail = 'its blob is not whole on this machine';
  return Promise.reject(new BerthError('layer-missing', { op: 'mend a layer', object: digest, detail }));
}

async function pullAgain(deps: PullDeps, conf: RegistriesConf, image: ImageRecord, signal: AbortSignal): Promise<void> {
  let failure: unknown = new BerthError('layer-missing', {
    op: 'mend an image',
    object: nameOf(image),
    detail: 'it has no name with a digest that it could be pulled by',
    remedy: 'load its archive again',
  });
  // A tag may mean another image by now.
  for (const name of image.repoDigests) {
    const reference = parseReference(name);
    if (reference.kind !== 'full') continue;
    try {
      await pullImage(deps, conf, reference, noKeys, signal);
      return;
    } catch (error) {
      throwIfAborted(signal, 'mend an image', name);
      failure = error;
    }
  }
  throw failure;
}

/** What people call the image. */
export function nameOf({ repoTags, repoDigests, id }: ImageRecord): string {
  return repoTags[0] ?? repoDigests[0] ?? id;
}
