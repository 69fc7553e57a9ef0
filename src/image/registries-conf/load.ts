import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { BerthError, errnoOf, messageOf, firstIssue } from '../../base';
import { authFilesName } from '../credentials';
import { parseReference } from '../reference';
import { registriesFile, type RegistriesFile } from './schema';

/** Where the configuration is; neither has to exist. */
export interface RegistriesConfPaths {
  /** `registries.conf`. */
  readonly path: string;
  /** `registries.conf.d`, whose `*.conf` files are read after it, in lexical order. */
  readonly dropInDir: string;
}

/** The merged configuration. */
export interface RegistriesConf {
  readonly searchRegistries: readonly string[];
  readonly shortNameMode: 'enforcing' | 'permissive' | 'disabled';
  readonly registries: readonly RegistriesFile['registry'][number][];
  /** Programs that know credentials, and `containers-auth.json` for the auth files among them. */
  readonly credentialHelpers: readonly string[];
  /** Short names without tag -> `host/path`. */
  readonly aliases: ReadonlyMap<string, string>;
}

/** What holds without a file: a name without a host is Docker Hub's, as Kubernetes documents it. */
export const defaultRegistriesConf: RegistriesConf = {
  searchRegistries: ['docker.io'],
  shortNameMode: 'enforcing',
  registries: [],
  credentialHelpers: [authFilesName],
  aliases: new Map(),
};

/** Reads and merges the files: a registry with the same prefix replaces, lists replace, aliases merge. Throws `config-invalid`. */
export async function loadRegistriesConf(paths: RegistriesConfPaths): Promise<RegistriesConf> {
  const registries = new Map<string, RegistriesFile['registry'][number]>();
  const aliases = new Map<string, string>();
  let { searchRegistries, shortNameMode, credentialHelpers } = defaultRegistriesConf;
  for (const path of [paths.path, ...(await dropIns(paths.dropInDir))]) {
    const file = await readFileIfThere(path);
    if (file === undefined) continue;
    const conf = parseRegistriesFile(path, file);
    for (const registry of conf.registry) registries.set(registry.prefix ?? registry.location ?? '', registry);
    for (const [alias, target] of Object.entries(conf.aliases)) {
      if (target === '') aliases.delete(alias);
      else aliases.set(alias, target);
    }
    searchRegistries = conf['unqualified-search-registries'] ?? searchRegistries;
    shortNameMode = conf['short-name-mode'] ?? shortNameMode;
    credentialHelpers = conf['credential-helpers'] ?? credentialHelpers;
  }
  return { searchRegistries, shortNameMode, registries: [...registries.values()], credentialHelpers, aliases };
}

/** One file's text against the schema. Throws `config-invalid` with the file and the key. */
export function parseRegistriesFile(path: string, text: string): RegistriesFile {
  const fail = (detail: string, cause?: unknown) =>
    new BerthError('config-invalid', {
      op: 'read registries.conf',
      object: path,
      detail,
      remedy: 'correct the file; it is read anew by the next pull',
      cause,
    });
  let toml: unknown;
  try {
    toml = parse(text);
  } catch (error) {
    throw fail(messageOf(error), error);
  }
  if (typeof toml === 'object' && toml !== null && 'registries' in toml) {
    throw fail('registries: this is version 1 of the format; version 2 has [[registry]] tables');
  }
  const result = registriesFile.safeParse(toml);
  if (!result.success) throw fail(firstIssue(result.error), result.error);
  for (const [alias, target] of Object.entries(result.data.aliases)) {
    const problem = aliasProblem(alias, target);
    if (problem) throw fail(`aliases.${JSON.stringify(alias)}: ${problem}`);
  }
  return result.data;
}

function aliasProblem(alias: string, target: string): string | undefined {
  try {
    if (alias !== '' && parseReference(alias).kind === 'full') return 'an alias is a name without a host';
    if (/[@]|:[^/]*$/.test(alias)) return 'an alias has no tag or digest';
    if (target === '') return undefined;
    if (parseReference(target).kind === 'short') return 'the target needs a host';
    if (/[@]|:[^/]*$/.test(target)) return 'the target has no tag or digest';
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

async function dropIns(dir: string): Promise<string[]> {
  try {
    const names = await readdir(dir);
    return names
      .filter((name) => name.endsWith('.conf'))
      .sort()
      .map((name) => join(dir, name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw unreadable(dir, error);
  }
}

async function readFileIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): BerthError {
  return new BerthError('config-unreadable', {
    op: 'read registries.conf',
    object: path,
    detail: messageOf(cause),
    cause,
  });
}
