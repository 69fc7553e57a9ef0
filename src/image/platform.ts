import { BerthError } from '../base';
import type { Descriptor, ImageIndex } from './manifest';

/** What an image has to be built for, in Go's words as the image spec has them. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

const architectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  arm64: 'arm64',
  arm: 'arm',
  ppc64: 'ppc64le',
  s390x: 's390x',
  riscv64: 'riscv64',
  loong64: 'loong64',
};

/** This machine. */
export function hostPlatform(): Platform {
  const architecture = architectures[process.arch] ?? process.arch;
  if (architecture === 'arm64') return { os: 'linux', architecture, variant: 'v8' };
  if (architecture !== 'arm') return { os: 'linux', architecture };
  const version: unknown = Reflect.get(process.config.variables, 'arm_version');
  return { os: 'linux', architecture, variant: `v${typeof version === 'string' ? version : '7'}` };
}

/** The index's best entry for the platform. Throws `image-platform` with what there is. */
export function choosePlatform(index: ImageIndex, host: Platform, object: string): Descriptor {
  let best: { entry: Descriptor; rank: number } | undefined;
  // What is attached to images for other machines (signatures, bills of material) is not the image for this one.
  const attachments = index.manifests.some(({ platform }) => platform);
  for (const entry of index.manifests) {
    if (attachments && entry.artifactType && !entry.platform) continue;
    const rank = rankOf(entry, host);
    if (rank !== undefined && rank < (best?.rank ?? Infinity)) best = { entry, rank };
  }
  if (best) return best.entry;
  const offered = index.manifests.flatMap(({ platform }) => (platform ? [nameOf(platform)] : []));
  throw new BerthError('image-platform', {
    op: 'choose platform',
    object,
    detail: `nothing for ${nameOf(host)}; there is ${[...new Set(offered)].join(', ') || 'no platform at all'}`,
  });
}

/** Whether a configuration that says so can run here; what is left out fits. */
export function fitsPlatform(image: { readonly os?: string; readonly architecture?: string }, host: Platform): boolean {
  return (image.os || host.os) === host.os && (image.architecture || host.architecture) === host.architecture;
}

/** `linux/arm/v7`. */
export function nameOf({ os, architecture, variant }: { os: string; architecture: string; variant?: string }): string {
  return [os, architecture, ...(variant ? [variant] : [])].join('/');
}

// Lower is better: exact variant, the variants below it, none, an entry without platform, such an artifact; of equals the
// zstd one, of these the first.
function rankOf(entry: Descriptor, host: Platform): number | undefined {
  const zstd = entry.annotations?.['io.github.containers.compression.zstd'] === 'true' ? 0 : 1;
  if (!entry.platform) return (entry.artifactType ? 2000 : 1000) + zstd;
  const { os, architecture, variant } = entry.platform;
  if (os !== host.os || architecture !== host.architecture) return undefined;
  const at = variantsFor(host).indexOf(variant ?? '');
  return at < 0 ? undefined : at * 2 + zstd;
}

function variantsFor({ architecture, variant = '' }: Platform): readonly string[] {
  const level = Number(/^v([0-9]+)$/.exec(variant)?.[1] ?? 0);
  const lowest = architecture === 'arm' ? 5 : architecture === 'amd64' ? 1 : level;
  const variants: string[] = [];
  for (let at = level; at >= lowest && at > 0; at--) variants.push(`v${at}`);
  // `v1` of amd64 and `v8` of arm64 are what no variant means.
  if (architecture === 'amd64' && level === 0) return ['', 'v1'];
  return [...variants, ''];
}
