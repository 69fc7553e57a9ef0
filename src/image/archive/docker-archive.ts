import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { BerthError, firstIssue } from '../../base';
import { sha256Digest } from '../../storage';
import { mediaTypes } from '../media-types';
import type { Platform } from '../platform';
import { resolveContent } from '../resolve';
import { archiveNames, archiveReference, type ArchiveImage } from './archive-image';
import type { Spool } from './spool';

const listing = z.array(
  z.object({
    Config: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    Layers: z.array(z.string()).nullish(),
  }),
);

type Listed = z.output<typeof listing>[number];

/** The images of a docker-save archive, by its manifest.json. */
export async function readDockerArchive(
  spool: Spool,
  platform: Platform,
  signal: AbortSignal,
): Promise<ArchiveImage[]> {
  const parsed = listing.safeParse(parseJson(spool, await spool.document('manifest.json')));
  if (!parsed.success) throw spool.invalid(`manifest.json: ${firstIssue(parsed.error)}`, parsed.error);
  const images: ArchiveImage[] = [];
  for (const listed of parsed.data) images.push(await readImage(spool, listed, platform, signal));
  return images;
}

async function readImage(spool: Spool, listed: Listed, platform: Platform, signal: AbortSignal): Promise<ArchiveImage> {
  const config = await spool.document(listed.Config);
  checkConfigName(listed.Config, sha256Digest(config));
  const files = new Map<string, string>();
  const layers: object[] = [];
  for (const name of listed.Layers ?? []) {
    const layer = await describeLayer(spool, name, signal);
    files.set(layer.digest, name);
    layers.push(layer);
  }
  // Such archives have no manifest. This one has nothing but what they do have, so it is the same on every load.
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: sha256Digest(config), size: config.length },
      layers,
    }),
  );
  const top = { digest: sha256Digest(manifest), bytes: manifest };
  const content = await resolveContent(
    {
      manifest: async () => top,
      config: async () => config,
      layer: async ({ digest }, inner) => spool.stream(files.get(digest) ?? digest, inner),
    },
    top,
    platform,
    signal,
  );
  const references = (listed.RepoTags ?? []).flatMap((name) => archiveReference(name) ?? []);
  return { content, names: archiveNames(references, content) };
}

async function describeLayer(spool: Spool, name: string, signal: AbortSignal) {
  const hash = createHash('sha256');
  let gzip: boolean | undefined;
  await pipeline(
    spool.stream(name, signal),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        gzip ??= chunk[0] === 0x1f && chunk[1] === 0x8b;
        yield chunk;
      }
    },
    hash,
    { signal },
  );
  const mediaType = gzip ? `${mediaTypes.ociLayer}+gzip` : mediaTypes.ociLayer;
  return { mediaType, digest: `sha256:${hash.digest('hex')}`, size: await spool.size(name) };
}

// Both layouts name the configuration by its digest: `<hex>.json`, or `blobs/sha256/<hex>`.
function checkConfigName(name: string, actual: string): void {
  const hex = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1];
  if (hex === undefined || actual === `sha256:${hex}`) return;
  throw new BerthError('digest-mismatch', {
    op: 'load',
    object: name,
    detail: `the configuration is ${actual}, its name says sha256:${hex}`,
    remedy: 'make the archive again; this one is damaged',
  });
}

function parseJson(spool: Spool, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw spool.invalid('manifest.json is not JSON', error);
  }
}
