import type { PullsWatch } from '../../image';
import type { Families } from './families';
import { failureReason, failureReasons } from './pull-failures';
import type { MetricSources } from './sources';

/** A small image of a mirror close by to a large one of a registry that throttles. */
const buckets = [0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900];

/** Pulls, and what they have brought. */
export function pullMetrics(families: Families, { pulls, images }: MetricSources): Disposable {
  const durations = families.histogram(
    'berth_image_pull_duration_seconds',
    'Time of a pull from its first request to the image being on the disk, by how it ended. Equal pulls are one.',
    ['outcome'],
    buckets,
  );
  const failures = families.counter(
    'berth_image_pull_failures_total',
    'Pulls that failed, by the class of the reason.',
    ['reason'],
  );
  for (const reason of failureReasons) failures.inc({ reason }, 0);
  sumsOf(families, pulls);
  families.gaugeOf('berth_images', 'Images on this node.', [], () => [[{}, images().count]]);
  families.gaugeOf('berth_image_storage_bytes', 'Bytes of blobs and layers, by accounting.', [], () => [
    [{}, images().bytes],
  ]);
  return pulls.events.subscribe((event) => {
    if (event.kind !== 'pull-finished') return;
    durations.observe({ outcome: event.outcome }, event.seconds);
    if (event.outcome === 'failed') failures.inc({ reason: failureReason(event.failure ?? 'internal') });
  });
}

function sumsOf(families: Families, pulls: PullsWatch): void {
  families.gaugeOf('berth_image_pulls_in_flight', 'Pulls that go on.', [], () => [[{}, pulls.stats().inFlight]]);
  families.counterOf('berth_image_pull_bytes_total', 'Bytes of layers that came over the network.', [], () => [
    [{}, pulls.stats().bytes],
  ]);
  families.counterOf(
    'berth_image_pull_layers_total',
    'Layers of pulls that have ended, by where they came from: fetched from the registry, or here already.',
    ['origin'],
    () => Object.entries(pulls.stats().layers).map(([origin, count]) => [{ origin }, count]),
  );
}
