import type { Damage } from '../../storage';
import type { admin } from '../../wire';

/** What a check is to do beside looking. */
export interface CheckRequest {
  /** Looks whether everything is there, with its size, and reads nothing but manifests and configurations. */
  readonly quick: boolean;
  /** Brings back what is damaged or missing, and removes what nothing needs. */
  readonly repair: boolean;
  /** Deletes what was set aside before. */
  readonly discard: boolean;
}

/** `leftover` is no damage; `unchecked` is none that is known. */
export type ProblemKind = Damage['kind'] | 'image-incomplete' | 'document-missing' | 'document-damaged' | 'leftover';

/** Something that is not as it has to be: a chain id, the digest of a document, an image's name or a path. */
export interface Finding {
  readonly kind: ProblemKind;
  readonly object: string;
  readonly detail: string;
  readonly outcome: 'found' | 'repaired' | 'failed';
}

/** What a check tells while it runs, as the admin service gives it on; the summary is the last. */
export type CheckEvent = Readonly<admin.CheckEvent>;

/** A container that may have an image's layers mounted. */
export interface ImageUser {
  readonly containerId: string;
  readonly imageId: string;
  /** Nanoseconds since the epoch. */
  readonly createdAt: bigint;
  /** Whether its root file system may still be mounted. */
  readonly mounted: boolean;
}
