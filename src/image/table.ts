import type { ImageRecord } from '../state';

/** What the image room needs of the state: `State.images` is one. */
export interface ImageTable {
  get(id: string): ImageRecord | undefined;
  values(): Iterable<ImageRecord>;
  /** All of them in one transaction: a tag that moves is never on two images, nor on none. */
  putAll(records: readonly ImageRecord[]): Promise<void>;
  delete(id: string): Promise<void>;
}
