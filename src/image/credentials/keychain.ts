import type { RegistryAuth } from '../images';
import { type AuthFile, entryFor, helperFor, readAuthFile } from './auth-file';
import { type Credentials, noCredentials } from './credentials';
import { credentialsFromCri } from './cri-auth';
import { askHelper, type HelperRunner } from './helper';

/** What a pull brings along itself. */
export interface PullKeys {
  /** CRI's credentials, which win. */
  readonly cri: RegistryAuth | undefined;
  /** A file for this pull alone, in place of the machine's. */
  readonly own: AuthFile | undefined;
}

export const noKeys: PullKeys = { cri: undefined, own: undefined };

/** For what credentials are looked for. */
export interface CredentialRequest {
  /** The registry that the image is named by. */
  readonly namedHost: string;
  /** The one that is asked, and the repository there. */
  readonly host: string;
  readonly path: string;
  /** `credential-helpers` of registries.conf: programs, and the auth files' place among them. */
  readonly helpers: readonly string[];
}

/** The name by which registries.conf means the auth files. */
export const authFilesName = 'containers-auth.json';

/** Credentials of this machine's: in files that are read anew each time, and from helper programs. */
export class Keychain {
  constructor(
    private readonly files: () => readonly string[],
    private readonly runner: HelperRunner,
  ) {}

  /** CRI's credentials, or the first found; a helper or file that is wrong is an error, never passed over. */
  async find(keys: PullKeys, wanted: CredentialRequest, signal: AbortSignal): Promise<Credentials> {
    const given = credentialsFromCri(keys.cri, wanted.namedHost, wanted.host);
    if (given) return given;
    for (const helper of wanted.helpers) {
      const found =
        helper === authFilesName
          ? await this.inFiles(keys.own, wanted, signal)
          : await askHelper(this.runner, helper, wanted.host, signal);
      if (found) return found;
    }
    return noCredentials;
  }

  private async inFiles(
    own: AuthFile | undefined,
    wanted: CredentialRequest,
    signal: AbortSignal,
  ): Promise<Credentials | undefined> {
    if (own) return this.inFile(own, wanted, signal);
    for (const path of this.files()) {
      const file = await readAuthFile(path);
      const found = file && (await this.inFile(file, wanted, signal));
      if (found) return found;
    }
    return undefined;
  }

  private async inFile(
    file: AuthFile,
    { host, path }: CredentialRequest,
    signal: AbortSignal,
  ): Promise<Credentials | undefined> {
    const helper = helperFor(file, host);
    const found = helper === undefined ? undefined : await askHelper(this.runner, helper, host, signal);
    return found ?? entryFor(file, host, path);
  }
}
