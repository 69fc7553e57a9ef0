import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type SecureContextOptions, createSecureContext } from 'node:tls';
import { BerthError, messageOf } from '../errors/berth-error';
import type { Log } from '../log';

/** Files in PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Who signs the certificates that clients have to show; without it they need none. */
  readonly clientCa?: string | undefined;
}

/** How often files are looked at, in milliseconds. */
const lookMs = 5_000;

/** Reads the files and tries them. Rejects `config-invalid`, naming the file or what does not fit. */
export async function readCertificates(files: TlsFiles): Promise<SecureContextOptions> {
  const read = async (path: string) => {
    try {
      return await readFile(path);
    } catch (cause) {
      throw invalid(path, messageOf(cause), cause);
    }
  };
  const [cert, key, ca] = await Promise.all([
    read(files.cert),
    read(files.key),
    files.clientCa === undefined ? undefined : read(files.clientCa),
  ]);
  const context: SecureContextOptions = { cert, key, ...(ca && { ca }), minVersion: 'TLSv1.2' };
  try {
    createSecureContext(context);
  } catch (cause) {
    throw invalid(Object.values(files).filter(Boolean).join(', '), messageOf(cause), cause);
  }
  return context;
}

/**
 * Calls back with the new certificates when one of the files has changed, whoever renamed or linked what. Those that cannot
 * be used are reported, and the old ones stay: a certificate and its key are rarely replaced at one moment.
 */
export function watchCertificates(
  files: TlsFiles,
  what: string,
  log: Log,
  use: (context: SecureContextOptions) => void,
): Disposable {
  const paths = Object.values(files).filter((path: string | undefined) => path !== undefined);
  const changed = () => {
    readCertificates(files).then(
      (context) => {
        use(context);
        log.info({ files }, `the certificates for ${what} were read anew`);
      },
      (error: unknown) =>
        log.error({ err: error }, `certificates for ${what} were not read, those of before hold: ${messageOf(error)}`),
    );
  };
  for (const path of paths) watchFile(path, { interval: lookMs, persistent: false }, changed);
  return {
    [Symbol.dispose]: () => {
      for (const path of paths) unwatchFile(path, changed);
    },
  };
}

function invalid(object: string, detail: string, cause: unknown): BerthError {
  return new BerthError('config-invalid', { op: 'read certificates', object, detail, cause });
}
