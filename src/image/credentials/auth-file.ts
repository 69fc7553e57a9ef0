import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { BerthError, errnoOf, type Log, messageOf } from '../../base';
import { firstIssue } from '../schema-error';
import { type Credentials, decodeBasic, registryHost } from './credentials';

const entry = z.object({
  auth: z.string().default(''),
  username: z.string().default(''),
  password: z.string().default(''),
  identitytoken: z.string().default(''),
  registrytoken: z.string().default(''),
});

const file = z.object({
  auths: z.record(z.string(), entry).default({}),
  credHelpers: z.record(z.string(), z.string()).default({}),
});

/**
 * Looks the repository up in the files (containers-auth.json(5), docker's config.json), the first that knows it
 * serves: the longest `host/path` first, the host last. A file need not exist. Throws `config-invalid`.
 */
export async function credentialsFromFiles(
  paths: readonly string[],
  host: string,
  repository: string,
  log: Log,
): Promise<Credentials | undefined> {
  for (const path of paths) {
    const parsed = await readAuthFile(path);
    if (!parsed) continue;
    if (Object.keys(parsed.credHelpers).some((key) => registryHost(key) === host)) {
      log.warn({ path, registry: host }, 'credHelpers are not run by berth; the entry is passed over');
    }
    const found = lookup(parsed.auths, host, repository);
    if (found) return found;
  }
  return undefined;
}

function lookup(auths: z.output<typeof file>['auths'], host: string, repository: string): Credentials | undefined {
  const byKey = new Map(Object.entries(auths).map(([key, value]) => [normaliseKey(key), value]));
  const parts = [host, ...repository.split('/')];
  for (let length = parts.length; length > 0; length--) {
    const found = byKey.get(parts.slice(0, length).join('/'));
    const credentials = found && credentialsOf(found);
    if (credentials) return credentials;
  }
  return undefined;
}

function credentialsOf(found: z.output<typeof entry>): Credentials | undefined {
  if (found.identitytoken !== '') return { kind: 'identity', token: found.identitytoken };
  if (found.registrytoken !== '') return { kind: 'bearer', token: found.registrytoken };
  if (found.username !== '') return { kind: 'basic', username: found.username, password: found.password };
  return decodeBasic(found.auth);
}

// Keys with a scheme or an API version are whole registries: `https://index.docker.io/v1/`.
function normaliseKey(key: string): string {
  if (/^https?:\/\//i.test(key) || /\/v[12]\/?$/.test(key)) return registryHost(key);
  const [host = '', ...path] = key.replace(/\/+$/, '').split('/');
  return [registryHost(host), ...path].join('/');
}

async function readAuthFile(path: string): Promise<z.output<typeof file> | undefined> {
  const fail = (detail: string) =>
    new BerthError('config-invalid', {
      op: 'read credentials',
      object: path,
      detail,
      remedy: 'correct the file; it is read anew by the next pull',
    });
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw new BerthError('config-unreadable', {
      op: 'read credentials',
      object: path,
      detail: messageOf(error),
      cause: error,
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which holds secrets.
    throw fail('it is not JSON');
  }
  const parsed = file.safeParse(json);
  if (!parsed.success) throw fail(firstIssue(parsed.error));
  return parsed.data;
}
