import type { ContainerConfig } from '../../wire';

/** How a container ended, in CRI's words. */
export interface ContainerExit {
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  /** Nanoseconds since the epoch. */
  readonly finishedAt: bigint;
}

/** A container. As with pods, `creating` and `removing` are intents. */
export interface ContainerRecord {
  readonly v: 1;
  readonly id: string;
  readonly sandboxId: string;
  readonly phase: 'creating' | 'created' | 'running' | 'exited' | 'removing';
  readonly config: ContainerConfig;
  /** The image's id (config digest). */
  readonly imageId: string;
  /** What CRI calls image_ref. */
  readonly imageRef: string;
  /** Ids of the images that it mounts as volumes; none: absent. */
  readonly volumeImages?: readonly string[];
  /** Its start restores it from a checkpoint. */
  readonly restored?: boolean;
  /** Absolute path; empty if nothing is logged. */
  readonly logPath: string;
  readonly createdAt: bigint;
  readonly startedAt: bigint;
  /** The OCI runtime's path and root, kept so that an upgrade of the configuration does not orphan it. */
  readonly runtimePath: string;
  readonly runtimeRoot: string;
  /** What its handler puts before each of the runtime's subcommands; none: absent. */
  readonly runtimeOptions?: readonly string[];
  readonly bootId: string;
  readonly cgroupPath: string;
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  /** CRI signal number of the OS, resolved from CRI, the image or SIGTERM. */
  readonly stopSignal: number;
  /** Init, once the runtime has created it. */
  readonly init?: { readonly pid: number; readonly startTime: bigint };
  /** A checkpoint has it stand still; it goes on when that is done, or when the next berthd starts. */
  readonly paused?: boolean;
  readonly exit?: ContainerExit;
  /** After its end, the OCI runtime has forgotten it and its root file system is unmounted. */
  readonly reaped?: boolean;
}
