import { z } from 'zod';
import { BerthError, isBerthError, messageOf, throwIfAborted } from '../../base';
import type { Kernel, RunResult } from '../../kernel';
import type { Credentials } from './credentials';

/** What helpers need: they run as berthd does, with its environment, but never as its children. */
export interface HelperRunner {
  readonly kernel: Pick<Kernel, 'run'>;
  readonly env: Readonly<Record<string, string>>;
}

/** A helper may ask a cloud for a token. Milliseconds. */
const timeoutMs = 30_000;
const nameSyntax = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** What docker's own helpers say when they have nothing: not a failure. Recognised, never told. */
const nothing = /credentials not found/i;

const answer = z.object({ Username: z.string().default(''), Secret: z.string().default('') });

/**
 * Asks `docker-credential-<name> get` for the host's credentials (docker's credential helper protocol). Undefined if it
 * has none; `registry-credentials` if it fails. Nothing that it printed gets into an error: it may be, or hold, a secret.
 */
export async function askHelper(
  runner: HelperRunner,
  name: string,
  host: string,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`;
  if (!nameSyntax.test(name)) throw failure(program, host, 'its name is not one of a program');
  for (const server of serversOf(host)) {
    const result = await runHelper(runner, program, server, signal);
    if (result.exitCode === 0) return credentialsOf(result, program, host);
    if (!hasNothing(result)) throw misbehaviour(program, host, howItEnded(result));
  }
  return undefined;
}

async function runHelper(
  { kernel, env }: HelperRunner,
  program: string,
  server: string,
  signal: AbortSignal,
): Promise<RunResult> {
  try {
    return await kernel.run({ path: program, args: ['get'], env, stdin: server, timeoutMs }, signal);
  } catch (error) {
    throwIfAborted(signal, 'ask credential helper', program);
    if (isBerthError(error, 'launcher-lost')) throw error;
    throw failure(program, server, messageOf(error), error);
  }
}

// `docker login` keeps Docker Hub under an address of its own, podman under its name.
function serversOf(host: string): readonly string[] {
  return host === 'docker.io' ? ['https://index.docker.io/v1/', host] : [host];
}

function credentialsOf(result: RunResult, program: string, host: string): Credentials | undefined {
  if (result.truncated) throw misbehaviour(program, host, 'its answer is longer than 64 KiB');
  let json: unknown;
  try {
    json = JSON.parse(result.stdout.toString('utf8'));
  } catch {
    // The parser's own message quotes the text, which is secret.
    throw misbehaviour(program, host, 'its answer is not JSON');
  }
  const parsed = answer.safeParse(json);
  if (!parsed.success) throw misbehaviour(program, host, 'its answer has no Username and Secret');
  const { Username: username, Secret: secret } = parsed.data;
  if (secret === '') return undefined;
  if (username === '<token>') return { kind: 'identity', username: '', token: secret };
  return { kind: 'basic', username, password: secret };
}

function howItEnded(result: RunResult): string {
  if (result.timedOut) return `it did not answer within ${timeoutMs / 1000} s`;
  return result.signal === undefined ? `exit status ${result.exitCode}` : `signal ${result.signal}`;
}

// Docker's helpers tell errors on stdout.
function hasNothing({ exitCode, stdout, stderr }: RunResult): boolean {
  return exitCode !== undefined && [stdout, stderr].some((output) => nothing.test(output.toString('utf8')));
}

/** The error for what a helper did: whoever is to mend it has to see its words, which are not told here. */
function misbehaviour(program: string, host: string, detail: string): BerthError {
  const remedy = `what it prints is kept secret here; to see it run, as root: echo ${host} | ${program} get`;
  return new BerthError('registry-credentials', {
    op: 'ask credential helper',
    object: `${program} for ${host}`,
    detail,
    remedy,
  });
}

function failure(program: string, host: string, detail: string, cause?: unknown): BerthError {
  return new BerthError('registry-credentials', {
    op: 'ask credential helper',
    object: `${program} for ${host}`,
    detail,
    cause,
  });
}
