import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allMetrics, families } from '../../../src/observe/pod-metrics/families';
import { lint } from '../metrics/support/lint';
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

test('Prometheus’ linter has something against three names, which are cAdvisor’s', () => {
  const exposition = allMetrics
    .map(({ name, help, type }) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} 1\n`)
    .join('');
  const found = lint(exposition);
  expect(found.toSorted()).toEqual([
    'container_fs_inodes_total: ends in _total and is no counter',
    'container_hugetlb_failcnt: is a counter and does not end in _total',
    'container_memory_failcnt: is a counter and does not end in _total',
  ]);
  const [, told = ''] = /linter has something against (.*?):/s.exec(text) ?? [];
  for (const problem of found) expect(told).toContain(problem.split(':')[0]);
});
