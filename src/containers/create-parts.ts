import type { PacedSlots } from '../base';
import type { CgroupMeter } from '../kernel';
import type { HandlerFeatures, Handlers } from '../runtime';
import type { Sandboxes } from '../pods';
import type { SpecDefaults } from '../spec';
import type { ImageRecord } from '../state';
import type { Device } from '../wire';
import type { CdiDevices } from './cdi';
import type { RestoreFrom } from './checkpoint/source';
import type { HookFolders } from './hooks';
import type { SupervisorParts } from './supervisor';

/** What creating needs beside what supervising needs. */
export interface CreateParts extends SupervisorParts {
  readonly sandboxes: Sandboxes;
  readonly handlers: Handlers;
  /** What the runtime of a handler can do here. */
  readonly featuresOf: (handler: string) => HandlerFeatures;
  readonly meter: Pick<CgroupMeter, 'read'>;
  readonly hooks: HookFolders;
  readonly cdiDevices: CdiDevices;
  readonly findImage: (reference: string) => ImageRecord | undefined;
  /** Throws if the signature policy of a namespace refuses the image. */
  readonly admitImage: (image: ImageRecord, asked: string, namespace: string) => Promise<void>;
  /** The absolute path of CRIU; rejects `program-missing`. */
  readonly findCriu: () => Promise<string>;
  /** What containers may be restored from, as the configuration has it now. */
  readonly restoreFrom: () => RestoreFrom;
  readonly conmonPath: string;
  /** For what keeps processors busy: the OCI runtime. */
  readonly pace: PacedSlots;
  /** As the configuration has it now. */
  readonly logs: () => LogSettings;
  /** What the configuration adds to every container, as it has it now. */
  readonly specDefaults: () => SpecDefaults;
  readonly additionalDevices: () => readonly Device[];
  /** Says a thing about this machine once: what a container asked for and cannot have here. */
  readonly sayOnce: (note: string) => void;
}

/** What is the same for every container's log. */
export interface LogSettings {
  /** Bytes from which a log is put aside as `<log>.1`; 0: none. */
  readonly sizeMax: number;
  readonly toJournald: boolean;
}
