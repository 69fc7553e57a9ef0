import type { Log } from '../base';
import type { Kernel } from '../kernel';
import type { LayerRecord, Table } from '../state';
import type { UnpackLimits } from './layers/unpacker';

/** The records of layers: what storage needs of the state's table. */
export type LayerTable = Pick<Table<LayerRecord>, 'get' | 'values' | 'putAll' | 'delete'>;

/** What storage asks of the kernel. */
export type StorageKernel = Pick<
  Kernel,
  'run' | 'runStreamed' | 'mountOverlay' | 'bindInRoot' | 'unmount' | 'removeTree' | 'syncFs'
>;

export interface StorageOptions {
  /** Kept over reboots: containers are in a folder of it. The caller holds its lock. */
  readonly root: string;
  /** Kept over reboots, too: blobs, layers and staging are folders of it, on one file system. Mostly the root. */
  readonly imageRoot: string;
  /** Gone after a reboot: mounts. */
  readonly runRoot: string;
  /** The program conmon/build/unpack. */
  readonly unpackPath: string;
  readonly kernel: StorageKernel;
  readonly layers: LayerTable;
  /** Resolves when every change of a record so far is on the disk. */
  readonly flushed: () => Promise<void>;
  readonly log: Log;
  /** Layers that are fetched and unpacked at once, of all images together. */
  readonly layerConcurrency: number;
  /** Bounds on what one layer may use, other than unpack's own. */
  readonly unpackLimits?: UnpackLimits;
}
