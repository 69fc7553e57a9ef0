import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BerthError, errnoOf, messageOf, firstIssue } from '../../base';
import type { Reference } from '../reference';
import { scopesOf } from './scopes';

/** Where root's signatures are if nothing says otherwise (containers-registries.d(5)). */
const usualLookaside = 'file:///var/lib/containers/sigstore';

const lookaside = z
  .string()
  .refine((text) => /^(?:https?|file):\/\//.test(text) && URL.canParse(text), 'is no http, https or file address');

// `sigstore` is the old name of `lookaside`; where signatures are written to is for others.
const place = z.strictObject({
  lookaside: lookaside.optional(),
  'lookaside-staging': z.string().optional(),
  sigstore: lookaside.optional(),
  'sigstore-staging': z.string().optional(),
  'use-sigstore-attachments': z.boolean().optional(),
});

const file = z.strictObject({
  'default-docker': place.nullish(),
  docker: z.record(z.string(), place.nullable()).nullish(),
});

type Place = z.output<typeof place>;

/** Where the signatures of one image are. */
export interface SignaturePlaces {
  readonly lookaside: URL;
  /** Whether the registry itself is asked. */
  readonly attachments: boolean;
}

/** Reads the folder's *.yaml anew and finds the name's places. Throws `config-invalid` with file and key. */
export async function signaturePlaces(dir: string, reference: Reference): Promise<SignaturePlaces> {
  const places = await loadPlaces(dir);
  const candidates = [...scopesOf(reference), ''].flatMap((scope) => places.get(scope)?.place ?? []);
  const found = candidates.map((candidate) => candidate.lookaside ?? candidate.sigstore).find(Boolean);
  const attachments = candidates.map((candidate) => candidate['use-sigstore-attachments']);
  return {
    lookaside: new URL(found ?? usualLookaside),
    attachments: attachments.find((value) => value !== undefined) ?? false,
  };
}

/** By scope; the empty one is `default-docker`. */
async function loadPlaces(dir: string): Promise<ReadonlyMap<string, { readonly place: Place; readonly path: string }>> {
  const places = new Map<string, { place: Place; path: string }>();
  for (const path of await yamlFiles(dir)) {
    const { docker, 'default-docker': usual } = await readPlaces(path);
    for (const [scope, given] of [...Object.entries(docker ?? {}), ['', usual] as const]) {
      if (!given) continue;
      const other = places.get(scope);
      const key = scope === '' ? 'default-docker' : `docker.${scope}`;
      if (other) throw invalid(path, `${key}: ${other.path} has it too`);
      places.set(scope, { place: given, path });
    }
  }
  return places;
}

async function yamlFiles(dir: string): Promise<string[]> {
  try {
    const names = await readdir(dir);
    return names
      .filter((name) => name.endsWith('.yaml'))
      .sort()
      .map((name) => join(dir, name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw invalid(dir, messageOf(error), error);
  }
}

async function readPlaces(path: string): Promise<z.output<typeof file>> {
  let document: unknown;
  try {
    const text = await readFile(path, 'utf8');
    // Only machines with a policy that asks for signatures load it.
    const { parse } = await import('yaml');
    document = parse(text) ?? {};
  } catch (error) {
    throw invalid(path, messageOf(error).trim(), error);
  }
  const result = file.safeParse(document);
  if (!result.success) throw invalid(path, firstIssue(result.error), result.error);
  return result.data;
}

function invalid(object: string, detail: string, cause?: unknown): BerthError {
  return new BerthError('config-invalid', {
    op: 'read registries.d',
    object,
    detail,
    remedy: 'correct the file; it is read anew by the next pull',
    cause,
  });
}
