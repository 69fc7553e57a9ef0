import { BerthError, KeyedLock, shortId } from '../base';
import type { ImageRecord } from '../state';
import { parseReference, type Reference, type ShortReference, textOf } from './reference';
import { mergeNames, mergeSignatures, withoutName, withoutTags } from './names';
import type { ImageTable } from './table';

export interface StoreOptions {
  readonly table: ImageTable;
  /** Ids of images that containers use. */
  readonly inUse: () => Iterable<string>;
  /** Whether every layer of the image is there. One that lacks some is kept by name, but not shown: a pull mends it. */
  readonly isWhole: (image: ImageRecord) => boolean;
  /** The full names that a short one may mean, most preferred first. */
  readonly candidates: (short: ShortReference) => readonly Reference[];
}

/** A local image and the name it was found by. */
export interface Found {
  readonly image: ImageRecord;
  readonly name: string;
}

/** The images of the table and their names, in an immutable snapshot: readers never wait. */
export class ImageStore {
  private all: readonly ImageRecord[] = [];
  private whole: readonly ImageRecord[] = [];
  private byId: ReadonlyMap<string, ImageRecord> = new Map();
  private byName: ReadonlyMap<string, ImageRecord> = new Map();
  private readonly lock = new KeyedLock('names of');

  constructor(private readonly options: StoreOptions) {
    this.refresh();
  }

  /** The images that are whole; the same array until something changes. */
  list(): readonly ImageRecord[] {
    return this.whole;
  }

  /**
   * By id with or without `sha256:`, by name, or by a prefix of an id of at least 12 digits that is one image's only.
   * An image that lacks layers is none: who asks would take it for one that need not be pulled.
   */
  find(text: string): ImageRecord | undefined {
    const image = this.findAny(text);
    return image && this.isWhole(image) ? image : undefined;
  }

  isWhole(image: ImageRecord): boolean {
    return this.options.isWhole(image);
  }

  /** By what a short name means here: its candidates first, then the one image that has it at any host. */
  findShort(short: ShortReference): Found | undefined {
    for (const candidate of this.options.candidates(short)) {
      const image = this.byName.get(textOf(candidate));
      if (image) return { image, name: textOf(candidate) };
    }
    const endings = [`/${textOf(short)}`, `/library/${textOf(short)}`];
    const names = [...this.byName.keys()].filter((name) =>
      endings.some((ending) => name.indexOf('/') === name.length - ending.length && name.endsWith(ending)),
    );
    const images = new Set(names.map((name) => this.byName.get(name)));
    const [image] = images;
    const [name] = names;
    return image && name !== undefined && images.size === 1 ? { image, name } : undefined;
  }

  /** Adds an image that is whole, or its names to the one that is there; its tags leave the images that had them. */
  async add(image: ImageRecord): Promise<ImageRecord> {
    return this.lock.with('images', undefined, async () => {
      const known = this.byId.get(image.id);
      const merged = known ? { ...image, ...mergeNames(known, image), ...mergeSignatures(image, known) } : image;
      const tags = new Set(image.repoTags);
      const losers = this.all
        .filter(({ id, repoTags }) => id !== image.id && repoTags.some((tag) => tags.has(tag)))
        .map((other) => withoutTags(other, tags));
      await this.change(() => this.options.table.putAll([merged, ...losers]));
      return merged;
    });
  }

  /** Removes an image or one of its names; says whether an image is gone. Throws `image-in-use`. */
  async remove(text: string): Promise<boolean> {
    return this.lock.with('images', undefined, async () => {
      const named = this.findById(text) ? undefined : this.findByName(text);
      const image = named?.image ?? this.findAny(text);
      if (!image) return false;
      const left = named ? withoutName(image, named.name) : { repoTags: [], repoDigests: [] };
      if (left.repoTags.length + left.repoDigests.length > 0) {
        await this.change(() => this.options.table.putAll([{ ...image, ...left }]));
        return false;
      }
      this.refuseIfUsed(image, text);
      await this.change(() => this.options.table.delete(image.id));
      return true;
    });
  }

  private findAny(text: string): ImageRecord | undefined {
    return this.findById(text) ?? this.findByName(text)?.image ?? this.findByPrefix(text);
  }

  private findById(text: string): ImageRecord | undefined {
    return this.byId.get(text) ?? this.byId.get(`sha256:${text}`);
  }

  private findByName(text: string): Found | undefined {
    const reference = parseOrNothing(text);
    if (!reference) return undefined;
    if (reference.kind === 'short') return this.findShort(reference);
    const image = this.byName.get(textOf(reference));
    return image && { image, name: textOf(reference) };
  }

  private findByPrefix(text: string): ImageRecord | undefined {
    const digits = text.replace(/^sha256:/, '');
    if (!/^[0-9a-f]{12,64}$/.test(digits)) return undefined;
    const matches = this.all.filter(({ id }) => id.startsWith(`sha256:${digits}`));
    return matches.length === 1 ? matches[0] : undefined;
  }

  private refuseIfUsed(image: ImageRecord, text: string): void {
    if (!new Set(this.options.inUse()).has(image.id)) return;
    throw new BerthError('image-in-use', {
      op: 'RemoveImage',
      object: text,
      detail: `containers use image ${shortId(image.id.replace('sha256:', ''))}`,
      remedy: 'remove the containers of this image first; `berth ps -a` lists them',
    });
  }

  private async change(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } finally {
      // Also after a failure: what the table holds is what there is.
      this.refresh();
    }
  }

  /** Reads the table again, and which images are whole: for when layers have come or gone. */
  refresh(): void {
    this.all = Object.freeze([...this.options.table.values()]);
    this.whole = Object.freeze(this.all.filter((image) => this.isWhole(image)));
    this.byId = new Map(this.all.map((image) => [image.id, image]));
    this.byName = new Map(
      this.all.flatMap((image) => [...image.repoDigests, ...image.repoTags].map((name) => [name, image] as const)),
    );
  }
}

function parseOrNothing(text: string): Reference | ShortReference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    // An id or a prefix of one need not be a name.
    if (error instanceof BerthError) return undefined;
    throw error;
  }
}
