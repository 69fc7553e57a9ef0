import { z } from 'zod';

// containers-registries.conf(5), version 2; keys in their order there.
const location = z
  .string()
  .min(1, 'is empty')
  .refine((text) => !text.includes('://'), 'is host[:port][/path] without a scheme')
  .transform((text) => text.replace(/\/+$/, ''));

const mirror = z.strictObject({
  location: location,
  insecure: z.boolean().default(false),
  'pull-from-mirror': z.enum(['all', 'digest-only', 'tag-only']).optional(),
});

const registry = z
  .strictObject({
    prefix: location.optional(),
    location: location.optional(),
    insecure: z.boolean().default(false),
    blocked: z.boolean().default(false),
    'mirror-by-digest-only': z.boolean().default(false),
    mirror: z.array(mirror).default([]),
  })
  .check((context) => {
    const { value } = context;
    const fail = (path: string[], message: string) =>
      context.issues.push({ code: 'custom', input: value, path, message });
    const wildcard = value.prefix?.includes('*') ?? false;
    if (value.prefix === undefined && value.location === undefined) fail(['location'], 'needs a prefix or a location');
    if (wildcard && !/^\*\.[^*/]+$/.test(value.prefix ?? ''))
      fail(['prefix'], 'a wildcard is *.domain, without a path');
    if (value.location?.includes('*')) fail(['location'], 'has no wildcard');
    if (value['mirror-by-digest-only'] && value.mirror.some((entry) => entry['pull-from-mirror'] !== undefined)) {
      fail(['mirror-by-digest-only'], 'excludes pull-from-mirror in its mirrors');
    }
  });

/** One file of registries.conf, as written. */
export const registriesFile = z.strictObject({
  'unqualified-search-registries': z.array(location).optional(),
  'short-name-mode': z.enum(['enforcing', 'permissive', 'disabled']).optional(),
  'credential-helpers': z
    .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'is not the name of a program'))
    .optional(),
  // Known to the format and read by others: berth has no additional layer stores.
  'additional-layer-store-auth-helper': z.string().optional(),
  registry: z.array(registry).default([]),
  aliases: z.record(z.string(), z.string()).default({}),
});

export type RegistriesFile = z.infer<typeof registriesFile>;
