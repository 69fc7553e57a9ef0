import type { Aside } from '../../storage';
import type { CheckDeps } from './check-images';
import type { CheckEvent, CheckRequest } from './events';

/** What is set aside; with --discard all of it is deleted, but for layers that a container may still have mounted. */
export async function* asideEvents(deps: CheckDeps, request: CheckRequest): AsyncGenerator<CheckEvent> {
  const { check } = deps.pull.storage;
  for (const aside of await check.aside()) {
    const containers = usersOf(deps, aside);
    const discarded = request.discard && containers.length === 0;
    if (discarded) await check.discard(aside);
    yield { aside: { path: aside.path, since: BigInt(aside.since) * 1_000_000n, discarded, containers } };
  }
}

/** A container that was made later has the layer that came in this one's place. */
function usersOf({ images, users }: CheckDeps, { name, since }: Aside): string[] {
  const ids = new Set(
    images()
      .filter(({ chainIds }) => chainIds.includes(`sha256:${name}`))
      .map(({ id }) => id),
  );
  const before = BigInt(since) * 1_000_000n;
  return [...users()]
    .filter(({ imageId, mounted, createdAt }) => mounted && ids.has(imageId) && createdAt <= before)
    .map(({ containerId }) => containerId);
}
