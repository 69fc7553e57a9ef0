import { z } from 'zod';
import { BerthError } from '../../base';
import { basicHeader, type Credentials } from '../credentials';
import { discard, parseJson, protocolError, readBody } from './body';
import type { Challenge } from './challenge';
import { httpUrl, printable } from './endpoint';
import { statusError } from './status-error';
import type { HttpResponse } from './http';
import type { PatientHttp } from './patient';

const tokenLimit = 1024 * 1024;
/** Tokens without a term, or with a shorter one, are taken to last a minute (distribution spec, token.md). */
const shortestTerm = 60;

const answer = z.object({
  token: z.string().nullish(),
  access_token: z.string().nullish(),
  expires_in: z.number().nullish(),
  issued_at: z.string().nullish(),
});

export interface Token {
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface TokenRequest {
  readonly challenge: Challenge;
  readonly scopes: readonly string[];
  readonly credentials: Credentials;
}

/** Asks the realm of a Bearer challenge for a token. A 401 there means bad credentials: `registry-denied`. */
export async function fetchToken(http: PatientHttp, asked: TokenRequest, signal: AbortSignal): Promise<Token> {
  const realm = realmOf(asked, http.endpoint.insecure);
  const response = await exchange(http, realm, asked, signal);
  if (response.status !== 200) throw await statusError(response, 'registry-protocol');
  const parsed = answer.safeParse(parseJson(response, await readBody(response, tokenLimit)));
  const value = parsed.data?.token || parsed.data?.access_token;
  if (!parsed.success || !value) throw protocolError(response, 'the answer has no token');
  const issued = Date.parse(parsed.data.issued_at ?? '');
  const seconds = Math.max(parsed.data.expires_in ?? 0, shortestTerm);
  return { value, expiresAt: (Number.isNaN(issued) ? Date.now() : issued) + seconds * 1000 };
}

async function exchange(
  http: PatientHttp,
  realm: URL,
  asked: TokenRequest,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const { credentials } = asked;
  if (credentials.kind === 'identity') {
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: credentials.token,
      service: asked.challenge.params.get('service') ?? '',
      scope: asked.scopes.join(' '),
      client_id: 'berth',
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
    const posted = { method: 'POST', url: realm, headers, body: body.toString() } as const;
    const response = await http.send(posted, http.tries(), signal);
    // Servers without the OAuth2 exchange answer so, and take the token as a password.
    if (![400, 401, 404, 405].includes(response.status)) return response;
    discard(response.body);
  }
  const url = new URL(realm);
  const service = asked.challenge.params.get('service');
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of asked.scopes) url.searchParams.append('scope', scope);
  const basic = basicOf(credentials);
  const account = 'username' in credentials ? credentials.username : '';
  if (account !== '') url.searchParams.set('account', account);
  const headers = { accept: 'application/json', ...(basic === undefined ? {} : { authorization: basic }) };
  return http.send({ method: 'GET', url, headers }, http.tries(), signal);
}

function basicOf(credentials: Credentials): string | undefined {
  switch (credentials.kind) {
    case 'basic':
      return basicHeader(credentials.username, credentials.password);
    case 'identity':
      return basicHeader(credentials.username || '<token>', credentials.token);
    case 'none':
    case 'bearer':
      return undefined;
    default:
      return credentials satisfies never;
  }
}

function realmOf({ challenge, credentials }: TokenRequest, insecure: boolean): URL {
  const text = challenge.params.get('realm') ?? '';
  const fail = (detail: string) =>
    new BerthError('registry-protocol', { op: 'ask registry', object: `token realm ${JSON.stringify(text)}`, detail });
  const realm = httpUrl(text);
  if (!realm) throw fail('it is not an http address');
  if (realm.protocol === 'http:' && credentials.kind !== 'none' && !insecure) {
    throw fail(`credentials are not sent in the clear to ${printable(realm)}`);
  }
  return realm;
}
