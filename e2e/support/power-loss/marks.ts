/** What a client did, as it is noted in the log of the disk: before it asks, and when it has its answer. */
export interface Mark {
  readonly when: 'begin' | 'done' | 'failed';
  readonly what: 'pull' | 'remove';
  /** Of the image. */
  readonly id: string;
  /** By which it was asked for. */
  readonly name: string;
}

export const markText = (mark: Mark): string => JSON.stringify(mark);

/** Undefined for the kernel's own. */
export function parseMark(text: string): Mark | undefined {
  return text.startsWith('{') ? (JSON.parse(text) as Mark) : undefined;
}

/** What has to be true of a disk whose power went after these. */
export interface Promised {
  /** Images that have to be there: pulled, answered, and nobody has asked since to remove them. */
  readonly images: ReadonlySet<string>;
  /** The image that each name has to lead to. */
  readonly names: ReadonlyMap<string, string>;
}

export function promisedBy(marks: readonly Mark[]): Promised {
  const images = new Set<string>();
  const names = new Map<string, string>();
  const removals = new Map<string, number>();
  const pulls = new Map<string, number>();
  const count = (of: Map<string, number>, key: string, by: number) => of.set(key, (of.get(key) ?? 0) + by);
  for (const { when, what, id, name } of marks) {
    const forget = () => [...names].forEach(([known, image]) => image === id && names.delete(known));
    count(what === 'pull' ? pulls : removals, what === 'pull' ? name : id, when === 'begin' ? 1 : -1);
    if (what === 'remove') {
      images.delete(id);
      forget();
    } else if (when === 'begin') {
      // The name may lead to either from now on.
      if (names.get(name) !== id) names.delete(name);
    } else if (when === 'done' && (removals.get(id) ?? 0) === 0) {
      images.add(id);
      if ((pulls.get(name) ?? 0) === 0) names.set(name, id);
    }
  }
  return { images, names };
}
