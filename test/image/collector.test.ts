import { Collector, keptBy } from '../../src/image/collector';

const kept = (blob: string) => ({ layers: [], chainIds: [], blobs: [blob] });

/** A storage whose collections end when the test says so. */
function storage() {
  const calls: { readonly keep: readonly { readonly blobs: readonly string[] }[]; readonly end: () => void }[] = [];
  const collect = (keep: readonly { readonly blobs: readonly string[] }[]) =>
    new Promise<void>((resolve) => calls.push({ keep, end: resolve }));
  return { calls, collect };
}

test('what is pinned is kept, until it is disposed of', async () => {
  const { calls, collect } = storage();
  const collector = new Collector({ collect }, () => []);
  const pin = await collector.pin(kept('a'));
  const first = collector.collect();
  expect(calls[0]?.keep).toEqual([kept('a')]);
  calls[0]?.end();
  await first;
  pin[Symbol.dispose]();
  const second = collector.collect();
  expect(calls[1]?.keep).toEqual([]);
  calls[1]?.end();
  await second;
});

test('a pin waits for a collection that runs: that one does not know it', async () => {
  const { calls, collect } = storage();
  const collector = new Collector({ collect }, () => []);
  const running = collector.collect();
  let pinned = false;
  const pinning = collector.pin(kept('a')).then(() => (pinned = true));
  const next = collector.collect();
  await Promise.resolve();
  expect(pinned).toBe(false);
  expect(calls).toHaveLength(1);
  calls[0]?.end();
  await running;
  await pinning;
  expect(calls[1]?.keep).toEqual([kept('a')]);
  calls[1]?.end();
  await next;
});

test('an image keeps its documents by every digest that names it', () => {
  const image = {
    v: 1 as const,
    id: 'sha256:c',
    repoTags: ['a/b:1'],
    repoDigests: ['a/b@sha256:i', 'a/b@sha256:m'],
    manifestDigest: 'sha256:m',
    layers: ['sha256:l'],
    chainIds: ['sha256:d'],
    size: 1n,
    config: { user: '', env: [], entrypoint: [], cmd: [], workingDir: '', volumes: [], stopSignal: '', labels: {} },
    pulledAt: 1n,
  };
  expect(keptBy(image)).toEqual({
    layers: ['sha256:l'],
    chainIds: ['sha256:d'],
    blobs: ['sha256:c', 'sha256:m', 'sha256:i'],
  });
});
