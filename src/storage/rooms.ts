import { onDisk } from './disk';
import type { Layout } from './layout';
import type { Reservation, Space } from './space';

/** Space for each of several sources, given back together. */
export interface Rooms<Source> extends Disposable {
  /** None for a source that was not asked for: somebody else brings it. */
  of(source: Source): Reservation | undefined;
}

/** Speaks for the space of what nobody brings yet. Throws `storage-full`. */
export async function reserveRooms<Source extends { readonly size: bigint }>(
  { space, layout }: { readonly space: Space; readonly layout: Layout },
  missing: readonly Source[],
  copies: 1n | 2n,
): Promise<Rooms<Source>> {
  const held = await onDisk('reserve space', layout.staging, () => space.reserve(missing, copies));
  const rooms = new Map(missing.map((source, at) => [source, held[at]]));
  return {
    of: (source) => rooms.get(source),
    [Symbol.dispose]: () => held.forEach((room) => room[Symbol.dispose]()),
  };
}
