import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { families } from '../../../src/observe/pod-metrics/families';
import { metricsOf } from './support';

const text = readFileSync(join(__dirname, '../../../docs/pod-metrics.md'), 'utf8');

test('docs/pod-metrics.md has every metric, in the table of its family', () => {
  const { metrics } = metricsOf();
  const rows = [...text.matchAll(/^\| `(container_\w+)` /gm)].map(([, name]) => name);
  expect(rows.toSorted()).toEqual(metrics.descriptors.map(({ name }) => name).toSorted());
  for (const [family, { metrics: some }] of Object.entries(families)) {
    const [, section = ''] = text.split(`\n## ${family}\n`);
    const own = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `(container_\w+)` /gm)].map(([, name]) => name);
    expect(own.toSorted()).toEqual(some.map(({ name }) => name).toSorted());
  }
});
