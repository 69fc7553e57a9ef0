import type { ImageRecord } from '../state';
import type { CheckEvent, CheckRequest } from './check';
import type { PolicyPaths } from './policy';
import type { PullState, PullsWatch } from './pulls';
import type { RegistriesConfPaths } from './registries-conf';

/** Credentials of one pull, as CRI gives them. */
export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  /** base64 of `user:password`. */
  readonly auth: string;
  readonly serverAddress: string;
  readonly identityToken: string;
  readonly registryToken: string;
}

/** The images of this node. */
export interface Images {
  /**
   * Pulls and gives the image's record. Equal pulls are one job; it outlives its callers (docs/pulls.md). The namespace
   * is that of the pod: credentials may have been left for it.
   */
  pull(
    reference: string,
    auth: RegistryAuth | undefined,
    signal?: AbortSignal,
    namespace?: string,
  ): Promise<ImageRecord>;
  /** How far the pull of this name is; undefined while none runs. Of several, with credentials of their own, the oldest. */
  progress(reference: string): PullState | undefined;
  /** Loads every image of a docker-save or OCI archive (a tar file on this machine). */
  load(archivePath: string, signal?: AbortSignal): Promise<readonly ImageRecord[]>;
  /** Finds by id (with or without `sha256:`, or a unique prefix of at least 12 digits), tag or digest. */
  find(reference: string): ImageRecord | undefined;
  /** The same array until something changes. */
  list(): readonly ImageRecord[];
  /** Whether the configuration pins it: told to the kubelet, whose garbage collection then leaves it alone. */
  pinned(image: ImageRecord): boolean;
  /**
   * Checks what is on the disk against records and digests, and repairs if asked to. One check runs at a time. What it
   * finds are events, not errors; it rejects if it is cancelled or cannot go on.
   */
  check(request: CheckRequest, signal?: AbortSignal): AsyncIterable<CheckEvent>;
  /** Removes by id (all names), or one name; the last name takes the image. Unknown is success. Throws `image-in-use`. */
  remove(reference: string, signal?: AbortSignal): Promise<void>;
}

/** The files that say where images come from, and which are let in. */
export interface ImageFiles {
  readonly registriesConf: RegistriesConfPaths;
  readonly policy: PolicyPaths;
}

/** The image room while a process has it open. */
export interface OpenImages extends Images {
  /**
   * Whether the signature policy of a namespace lets its pods run an image that is here, asked for by this name or id.
   * Throws `image-signature`, `policy-invalid`.
   */
  admit(image: ImageRecord, asked: string, namespace: string): Promise<void>;
  /**
   * Reads the files that a new configuration names, and gives what makes them count.
   * Rejects `config-invalid`, `policy-invalid`; nothing has changed then.
   */
  prepare(files: ImageFiles): Promise<() => void>;
  /** What is being pulled, and the sums of what was. */
  readonly pulls: PullsWatch;
  /**
   * Looks anew which images are whole, and removes from the storage what none needs: for recovery, after a start that
   * follows a kill or a loss.
   */
  collect(): Promise<void>;
  /** Aborts what is under way with this reason, waits for it to end, and closes the connections. */
  close(reason: unknown): Promise<void>;
}
