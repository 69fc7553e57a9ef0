import { setImmediate } from 'node:timers/promises';

/** Milliseconds of work after which the event loop gets its turn. */
const sliceMs = 2;

/** What the function makes of each item, in their order, in slices of so little work that no other call waits for it. */
export async function inSlices<Item, Result>(
  items: Iterable<Item>,
  make: (item: Item) => Result,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  let begun = performance.now();
  for (const item of items) {
    if (performance.now() - begun > sliceMs) {
      await setImmediate();
      begun = performance.now();
    }
    results.push(make(item));
  }
  return results;
}
