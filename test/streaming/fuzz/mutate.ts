import type { Random } from './random';

/** The bytes with some of them changed, taken out, repeated or put elsewhere. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let changed = Buffer.from(bytes);
  for (let left = 1 + random.below(6); left > 0 && changed.length > 0; left--) {
    const at = random.below(changed.length);
    const before = changed.subarray(0, at);
    switch (random.below(5)) {
      case 0:
        changed[at] = random.below(256);
        break;
      case 1:
        changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 2:
        changed = Buffer.concat([before, changed.subarray(at + random.length(200))]);
        break;
      case 3:
        changed = Buffer.concat([before, random.bytes(random.length(200)), changed.subarray(at)]);
        break;
      default: {
        const from = random.below(changed.length);
        const piece = changed.subarray(from, from + random.length(1000));
        changed = Buffer.concat([before, piece, changed.subarray(at)]);
      }
    }
  }
  return changed;
}
