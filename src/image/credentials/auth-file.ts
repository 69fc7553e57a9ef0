import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { BerthError, errnoOf, messageOf, firstIssue } from '../../base';
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
  credsStore: z.string().default(''),
});

/** What a file with credentials says (containers-auth.json(5), docker's config.json). */
export interface AuthFile {
  /** Where it came from, for messages. */
  readonly path: string;
  readonly content: z.output<typeof file>;
}

/** Reads a file, which need not be there. Throws `config-invalid`, without a word of what is in it. */
export async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  try {
    return parseAuthFile(path, await readFile(path, 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    if (error instanceof BerthError) throw error;
    throw new BerthError('config-unreadable', {
      op: 'read credentials',
      object: path,
      detail: messageOf(error),
      cause: error,
    });
  }
}

/** Reads the text of such a file. Throws `config-invalid`. */
export function parseAuthFile(path: string, text: string): AuthFile {
  const fail = (detail: string) =>
    new BerthError('config-invalid', {
      op: 'read credentials',
      object: path,
      detail,
      remedy: 'correct the file; it is read anew by the next pull',
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which holds secrets.
    throw fail('it is not JSON');
  }
  const parsed = file.safeParse(json);
  if (!parsed.success) throw fail(firstIssue(parsed.error));
  return { path, content: parsed.data };
}

/** The program that the file names for the host: its own helper, else the store of all; undefined: the file itself. */
export function helperFor({ content }: AuthFile, host: string): string | undefined {
  const own = Object.entries(content.credHelpers).find(([key]) => registryHost(key) === host);
  return (own ? own[1] : content.credsStore) || undefined;
}

/** The file's own entry for the repository: the longest `host/path` first, the host last. */
export function entryFor({ content }: AuthFile, host: string, repository: string): Credentials | undefined {
  const byKey = new Map(Object.entries(content.auths).map(([key, value]) => [normaliseKey(key), value]));
  const parts = [host, ...repository.split('/')];
  for (let length = parts.length; length > 0; length--) {
    const found = byKey.get(parts.slice(0, length).join('/'));
    const credentials = found && credentialsOf(found);
    if (credentials) return credentials;
  }
  return undefined;
}

function credentialsOf(found: z.output<typeof entry>): Credentials | undefined {
  const { username, password } = found;
  const basic = username === '' ? decodeBasic(found.auth) : { kind: 'basic' as const, username, password };
  if (found.identitytoken !== '') {
    return { kind: 'identity', username: basic?.username ?? '', token: found.identitytoken };
  }
  if (found.registrytoken !== '') return { kind: 'bearer', token: found.registrytoken };
  return basic;
}

// Keys with a scheme or an API version are whole registries: `https://index.docker.io/v1/`.
function normaliseKey(key: string): string {
  if (/^https?:\/\//i.test(key) || /\/v[12]\/?$/.test(key)) return registryHost(key);
  const [host = '', ...path] = key.replace(/\/+$/, '').split('/');
  return [registryHost(host), ...path].join('/');
}
