import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BerthError, errnoOf, messageOf } from '../../base';

/** The newest version of the CNI spec whose results berth reads. */
const newestVersion = '1.1.0';

/** Node and cluster agents write what they like into a plugin's configuration: only what berth reads is checked. */
const pluginSchema = z.looseObject({
  type: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be the name of a plugin, not a path'),
  capabilities: z.record(z.string(), z.boolean()).optional(),
});

const versionSchema = z.string().regex(/^\d+\.\d+\.\d+$/);

const listSchema = z.looseObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'must begin with a letter or digit and hold [A-Za-z0-9_.-]'),
  cniVersion: versionSchema.optional(),
  cniVersions: z.array(versionSchema).optional(),
  plugins: z.array(pluginSchema).min(1),
});

/** A plugin's part of a network, as its file has it. */
export type PluginConf = z.output<typeof pluginSchema>;

/** A network: its plugins run in order at ADD and in reverse at DEL. */
export interface NetworkList {
  readonly name: string;
  readonly cniVersion: string;
  readonly plugins: readonly PluginConf[];
}

/** Parses a .conflist, or a .conf/.json of one plugin, which is wrapped (CNI spec, section 1). */
export function parseNetworkList(text: string, file: string): NetworkList {
  const fail = (detail: string, cause?: unknown) =>
    new BerthError('network-config-invalid', { op: 'load the CNI configuration', object: file, detail, cause });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fail(messageOf(error), error);
  }
  const isList = typeof json === 'object' && json !== null && 'plugins' in json;
  const parsed = listSchema.safeParse(isList ? json : wrap(json));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw fail(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
  }
  const { name, plugins, cniVersion, cniVersions } = parsed.data;
  const version = chooseVersion([cniVersion ?? '0.1.0', ...(cniVersions ?? [])]);
  if (!version) throw fail(`cniVersion: none of its versions is at most ${newestVersion}`);
  return { name, cniVersion: version, plugins };
}

/** The list of the folder that counts: the first by name that is valid. */
export async function loadNetworkList(folder: string): Promise<NetworkList> {
  const files = await configFiles(folder);
  let firstError: BerthError | undefined;
  for (const name of files) {
    const file = join(folder, name);
    try {
      return parseNetworkList(await readFile(file, 'utf8'), file);
    } catch (error) {
      firstError ??= asConfigError(error, file);
    }
  }
  throw firstError ?? notThere(folder);
}

async function configFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => /\.(conf|conflist|json)$/.test(name)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw asConfigError(error, folder);
  }
}

function asConfigError(error: unknown, object: string): BerthError {
  if (error instanceof BerthError) return error;
  const detail = errnoOf(error) ?? messageOf(error);
  return new BerthError('network-config-invalid', { op: 'load the CNI configuration', object, detail, cause: error });
}

function notThere(folder: string): BerthError {
  return new BerthError('network-not-ready', {
    op: 'load the CNI configuration',
    object: folder,
    detail: 'no .conflist, .conf or .json file in the folder',
  });
}

function wrap(conf: unknown): unknown {
  if (typeof conf !== 'object' || conf === null || !('name' in conf)) return { plugins: [conf] };
  return { name: conf.name, cniVersion: 'cniVersion' in conf ? conf.cniVersion : undefined, plugins: [conf] };
}

function chooseVersion(versions: readonly string[]): string | undefined {
  const fitting = versions.filter((version) => compareVersions(version, newestVersion) <= 0);
  return fitting.sort(compareVersions).at(-1);
}

/** Orders dotted versions by number. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
