/** One file, folder or whiteout of a layer. */
export interface Entry {
  readonly name: string;
  readonly bytes: Buffer | undefined;
}

/** MiB of each layer, unpacked, base first: as images grow, a distribution, its packages, a language, an application. */
export const layerMib = [120, 55, 190, 170, 30, 230, 90, 60, 35, 15, 4, 0.05] as const;

/** Bytes of pools that contents are cut from: far more than a compressor looks back. */
const poolBytes = 8 << 20;

/** Numbers that are the same in every run (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Pools {
  /** Words that recur as they do in sources and texts. */
  readonly text: Buffer;
  /** Short instructions of few kinds with operands, as programs are. */
  readonly code: Buffer;
  /** Bytes that cannot be compressed, as pictures and archives are. */
  readonly noise: Buffer;
}

/** The contents that all files are cut from. */
export function makePools(bytes: number = poolBytes): Pools {
  const random = randomFrom(1);
  const letters = 'etaoinsrhldcumfpgwybvkxjqz_';
  const draw = (of: number, bias: number) => Math.floor(of * random() ** bias);
  const words = Array.from({ length: 6000 }, () =>
    Array.from({ length: 2 + draw(9, 1) }, () => letters[draw(letters.length, 1.6)]).join(''),
  );
  const word = () => `${words[draw(words.length, 4)]}${[' ', ' ', ' ', '\n', '(', '; '][draw(6, 2)]}`;
  const kinds = Array.from({ length: 400 }, () =>
    Buffer.from(Array.from({ length: 2 + draw(6, 1) }, () => draw(256, 2))),
  );
  const instruction = () => {
    const kind = kinds[draw(kinds.length, 3)] ?? Buffer.alloc(1);
    return random() < 0.35 ? Buffer.concat([kind, Buffer.from([draw(256, 1), draw(256, 3)])]) : kind;
  };
  // Much of what is written was written before, a few lines above.
  const often = (share: number, next: () => Buffer) => {
    const recent = Array.from({ length: 64 }, next);
    return () => {
      const at = draw(recent.length, 1);
      if (random() >= share) recent[at] = next();
      return recent[at] ?? next();
    };
  };
  const series = (of: () => Buffer) => Buffer.concat(Array.from({ length: 3 + draw(8, 1) }, of));
  const text = fill(
    bytes,
    often(0.6, () => series(() => Buffer.from(word()))),
  );
  const code = fill(
    bytes,
    often(0.5, () => series(instruction)),
  );
  return {
    text,
    code,
    noise: fill(bytes, () => Buffer.from([draw(256, 1), draw(256, 1), draw(256, 1), draw(256, 1)])),
  };
}

function fill(bytes: number, next: () => Buffer): Buffer {
  const pool = Buffer.alloc(bytes);
  for (let at = 0; at < bytes;) at += next().copy(pool, at);
  return pool;
}

/** A layer's entries: two thirds of the bytes in small files, the rest in a few large ones; every folder is named. */
export function* layerEntries(layer: number, mib: number, pools: Pools): Generator<Entry> {
  const random = randomFrom(1000 + layer);
  let left = mib * 2 ** 20;
  const largest = Math.min(40 * 2 ** 20, left / 6);
  yield { name: 'usr/', bytes: undefined };
  yield { name: `usr/l${layer}/`, bytes: undefined };
  for (let folder = 0; left > 0; folder++) {
    const dir = `usr/l${layer}/d${folder}/`;
    yield { name: dir, bytes: undefined };
    const large = random() < 0.04;
    const files = large ? 1 : 10 + Math.floor(30 * random());
    for (let file = 0; file < files && left > 0; file++) {
      const size = Math.ceil(large ? largest * (0.2 + 0.8 * random()) : 200 * 2 ** (10.5 * random() ** 1.7));
      left -= size;
      yield { name: `${dir}f${file}`, bytes: cut(pools, size, random) };
    }
  }
  // The layer above deletes what this one has: something of it in every image is a whiteout.
  if (layer > 0) yield { name: `usr/l${layer - 1}/d0/.wh.f0`, bytes: Buffer.alloc(0) };
}

function cut({ text, code, noise }: Pools, size: number, random: () => number): Buffer {
  const kind = random();
  const pool = kind < 0.55 ? text : kind < 0.95 ? code : noise;
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size;) at += pool.copy(bytes, at, Math.floor((pool.length - 1) * random()));
  return bytes;
}
