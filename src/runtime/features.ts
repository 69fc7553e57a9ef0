import { z } from 'zod';
import { atLeast, parseVersion } from '../base';
import type { Kernel } from '../kernel';
import type { Handler } from './handlers';
import { createOciRuntime } from './oci/oci-runtime';

/** What a handler's runtime can do on this machine, as far as CRI and the spec ask. */
export interface HandlerFeatures {
  /** The mount option `rro` (CRI RuntimeHandlerFeatures.recursive_read_only_mounts); the kernel has it from 5.12. */
  readonly recursiveReadOnlyMounts: boolean;
  /** Bind mounts with id mappings (runtime spec, config.md: uidMappings of a mount). */
  readonly idmappedMounts: boolean;
  /** Containers in a pod's user namespace. With idmapped mounts it is what the kubelet asks for (KEP-127). */
  readonly userNamespaces: boolean;
}

/** What is taken for granted of a runtime that does not tell: nothing. */
export const noFeatures: HandlerFeatures = {
  recursiveReadOnlyMounts: false,
  idmappedMounts: false,
  userNamespaces: false,
};

/** The part of `<runtime> features` that is looked at (runtime spec, features.md); what is absent is not there. */
const featuresSchema = z.object({
  mountOptions: z.array(z.string()).nullish(),
  linux: z
    .object({
      namespaces: z.array(z.string()).nullish(),
      mountExtensions: z.object({ idmap: z.object({ enabled: z.boolean().nullish() }).nullish() }).nullish(),
    })
    .nullish(),
});

/** Reads what a runtime says of itself. */
export function parseFeatures(said: unknown): HandlerFeatures {
  const parsed = featuresSchema.safeParse(said);
  if (!parsed.success) return noFeatures;
  const { mountOptions, linux } = parsed.data;
  return {
    recursiveReadOnlyMounts: mountOptions?.includes('rro') ?? false,
    idmappedMounts: linux?.mountExtensions?.idmap?.enabled ?? false,
    userNamespaces: linux?.namespaces?.includes('user') ?? false,
  };
}

/** From which version runtimes that have no `features` can do what: crun has it from 1.8.6 on, and could much before. */
const crunSince = { recursiveReadOnlyMounts: [1, 4], idmappedMounts: [1, 3] } as const;

/** What a runtime without `features` can do, by the first line of its `--version`. */
export function featuresByVersion(line: string): HandlerFeatures {
  const version = line.startsWith('crun version ') ? parseVersion(line.slice('crun version '.length)) : undefined;
  if (!version) return noFeatures;
  return {
    recursiveReadOnlyMounts: atLeast(version, crunSince.recursiveReadOnlyMounts),
    idmappedMounts: atLeast(version, crunSince.idmappedMounts),
    // Not tried: what a pod needs of a runtime is more than its joining of a namespace.
    userNamespaces: false,
  };
}

/** What the kernel adds to it: nothing can do more than the machine. */
export function withinKernel(features: HandlerFeatures, release: string): HandlerFeatures {
  // mount_setattr(2) came with 5.12.
  const version = parseVersion(release) ?? [0, 0];
  const settable = atLeast(version, [5, 12]);
  return {
    recursiveReadOnlyMounts: features.recursiveReadOnlyMounts && settable,
    idmappedMounts: features.idmappedMounts && settable,
    // Images are idmapped as layers of an overlay, one by one (docs/user-namespaces.md).
    userNamespaces: features.userNamespaces && atLeast(version, [6, 5]),
  };
}

/** Asks the runtime: its features, or what its version is known for. */
export async function askFeatures(kernel: Kernel, { path, root, options }: Handler): Promise<HandlerFeatures> {
  const runtime = createOciRuntime({ kernel, path, root, options });
  const said = await runtime.features();
  const features = said === undefined ? featuresByVersion(await runtime.version()) : parseFeatures(said);
  return withinKernel(features, kernel.facts.release);
}
