import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { BerthError, errnoOf, messageOf } from '../base';
import { configSchema, type Config } from './schema';

/** What the command line sets: it wins over every file. */
export interface Overrides {
  readonly root?: string;
  readonly runRoot?: string;
  readonly socket?: string;
  readonly cniConfDir?: string;
  readonly cniBinDir?: string;
  readonly registriesConf?: string;
  readonly logLevel?: string;
  readonly libexecDir?: string;
}

interface TomlTable {
  [key: string]: unknown;
}

/**
 * Reads the file and the *.toml of `<file>.d` in lexical order; a later key wins, tables are merged, lists replaced.
 * A missing file is an empty one unless it was named by the user (`required`).
 */
export async function loadConfig(path: string, options: { required: boolean; overrides: Overrides }): Promise<Config> {
  const files = [path, ...(await dropIns(`${path}.d`))];
  let merged: TomlTable = {};
  for (const file of files) {
    const table = await readToml(file, options.required && file === path);
    // Each file is checked on its own, so that an error names the file that holds the key.
    check(table, file);
    merged = merge(merged, table);
  }
  const config = check(merge(merged, overrideTable(options.overrides)), 'the command line');
  checkWhole(config, path);
  return config;
}

/** What no file can be blamed for alone. */
function checkWhole({ runtime, streaming, metrics }: Config, object: string): void {
  const invalid = (detail: string) =>
    new BerthError('config-invalid', { op: 'read the configuration', object, detail });
  const { default_handler: name, handlers } = runtime;
  if (!Object.hasOwn(handlers, name)) {
    const names = Object.keys(handlers).join(', ');
    throw invalid(`runtime.default_handler: ${JSON.stringify(name)} is none of ${names}`);
  }
  for (const [table, { tls_cert: cert, tls_key: key, client_ca: ca }] of Object.entries({ streaming, metrics })) {
    if ((cert === '') !== (key === '')) throw invalid(`${table}.tls_cert, ${table}.tls_key: one needs the other`);
    if (ca && !cert) throw invalid(`${table}.client_ca: needs ${table}.tls_cert and ${table}.tls_key`);
  }
}

async function dropIns(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => name.endsWith('.toml'))
      .sort()
      .map((name) => join(folder, name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw unreadable(folder, error);
  }
}

async function readToml(file: string, required: boolean): Promise<TomlTable> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && !required) return {};
    throw unreadable(file, error);
  }
  try {
    return parse(text);
  } catch (error) {
    throw new BerthError('config-invalid', {
      op: 'read the configuration',
      object: file,
      detail: messageOf(error).trim(),
    });
  }
}

function check(table: TomlTable, file: string): Config {
  const result = configSchema.safeParse(table);
  if (result.success) return result.data;
  const detail = result.error.issues
    .map((issue) => {
      const keys = issue.code === 'unrecognized_keys' ? issue.keys : [undefined];
      return keys.map(
        (key) => `${[...issue.path, key].filter((part) => part !== undefined).join('.')}: ${issue.message}`,
      );
    })
    .flat()
    .join('; ');
  throw new BerthError('config-invalid', { op: 'read the configuration', object: file, detail });
}

function merge(base: TomlTable, over: TomlTable): TomlTable {
  const result = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const old = result[key];
    result[key] = isTable(old) && isTable(value) ? merge(old, value) : value;
  }
  return result;
}

function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function overrideTable(overrides: Overrides): TomlTable {
  const given = (table: TomlTable): TomlTable =>
    Object.fromEntries(Object.entries(table).filter(([, value]) => value !== undefined));
  return given({
    root: overrides.root,
    run_root: overrides.runRoot,
    socket: overrides.socket,
    log: given({ level: overrides.logLevel }),
    libexec_dir: overrides.libexecDir,
    network: given({
      cni_conf_dir: overrides.cniConfDir,
      cni_bin_dirs: overrides.cniBinDir === undefined ? undefined : overrides.cniBinDir.split(':'),
    }),
    image: given({ registries_conf: overrides.registriesConf }),
  });
}

function unreadable(path: string, error: unknown): BerthError {
  const detail = errnoOf(error) ?? messageOf(error);
  return new BerthError('config-unreadable', { op: 'read the configuration', object: path, detail, cause: error });
}
