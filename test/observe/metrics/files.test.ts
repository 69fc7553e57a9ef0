import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Family, parseExposition } from './support/exposition';
import { metricsIn } from './support/promql';
import { live, Rooms } from './support/sources';

const repository = join(__dirname, '../../..');
const read = (file: string) => readFile(join(repository, file), 'utf8');

let families: readonly Family[];
beforeAll(async () => {
  const rooms = new Rooms();
  using metrics = await rooms.metrics();
  live(rooms, metrics);
  families = parseExposition(await metrics.render('text'));
});

/** Names that a query may have: `up` is Prometheus' own. */
function queryable(): ReadonlySet<string> {
  const names = families.flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  return new Set([...names, 'up']);
}

const target = z.object({ expr: z.string().min(1) });
const panel = z.object({
  id: z.number(),
  type: z.string(),
  title: z.string().min(1),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z.array(target).default([]),
});
const dashboard = z.object({
  uid: z.string(),
  panels: z.array(panel).min(1),
  templating: z.object({ list: z.array(z.looseObject({ name: z.string(), query: z.unknown() })) }),
});

const annotations = z.strictObject({ summary: z.string().min(20), description: z.string().min(80) });
const rule = z.strictObject({
  alert: z.string().regex(/^Berth[A-Z][A-Za-z]+$/),
  expr: z.string(),
  for: z
    .string()
    .regex(/^\d+[smh]$/)
    .optional(),
  labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
  annotations,
});
const rules = z.strictObject({ groups: z.array(z.strictObject({ name: z.string(), rules: z.array(rule) })) });

test('each expression of the dashboard asks for metrics that there are; its panels lie beside one another', async () => {
  const { panels, templating } = dashboard.parse(JSON.parse(await read('deploy/grafana/berth.json')));
  const asked = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsIn(expr)));
  expect(asked.length).toBeGreaterThan(50);
  expect(asked.filter((name) => !queryable().has(name))).toEqual([]);
  for (const { type, targets } of panels) if (type !== 'row') expect(targets).not.toEqual([]);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  const variables = templating.list.map(({ name }) => name);
  const used = JSON.stringify(panels).match(/\$\{?(?!__)\w+/g) ?? [];
  for (const name of used) expect(variables).toContain(name.replace(/^\$\{?/, ''));
});

test('each alert asks for metrics and labels that there are, and says what it means and what to do', async () => {
  const { groups } = rules.parse(parse(await read('deploy/prometheus/berth.rules.yml')));
  const all = groups.flatMap((group) => group.rules);
  expect(all.length).toBeGreaterThan(15);
  expect(new Set(all.map(({ alert }) => alert)).size).toBe(all.length);
  for (const { alert, expr } of all) {
    expect([alert, metricsIn(expr).filter((name) => !queryable().has(name))]).toEqual([alert, []]);
    expect([alert, metricsIn(expr)]).not.toEqual([alert, []]);
  }
});

test('label values of both files that are matched for equality are ones that there are', async () => {
  const text = `${await read('deploy/prometheus/berth.rules.yml')} ${dashboard
    .parse(JSON.parse(await read('deploy/grafana/berth.json')))
    .panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    .join(' ')}`;
  const values = new Map<string, Set<string>>();
  for (const { labels } of families.flatMap(({ samples }) => samples)) {
    for (const [label, value] of Object.entries(labels)) values.set(label, (values.get(label) ?? new Set()).add(value));
  }
  const matched = [...text.matchAll(/\b(state|reason|queue|outcome|origin|kind)="([^"]+)"/g)];
  expect(matched.length).toBeGreaterThan(5);
  for (const [, label = '', value = ''] of matched)
    expect([label, [...(values.get(label) ?? [])]]).toEqual([label, expect.arrayContaining([value])]);
});

test('docs/metrics.md has every metric with its type and labels, and every alert', async () => {
  const text = await read('docs/metrics.md');
  const rows = [...text.matchAll(/^\| `((?:berth|process)_[a-z0-9_]+)` \| (\w+) \| ?(.*?) ?\|/gm)];
  const labelsOf = ({ samples }: Family) =>
    [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))].filter((label) => label !== 'le').sort();
  expect(rows.map(([, name, type, labels = '']) => [name, type, (labels.match(/\w+/g) ?? []).sort()]).sort()).toEqual(
    families.map((family) => [family.name, family.type, labelsOf(family)]).sort(),
  );
  const { groups } = rules.parse(parse(await read('deploy/prometheus/berth.rules.yml')));
  for (const { alert } of groups.flatMap((group) => group.rules)) expect(text).toContain(`\`${alert}\``);
});
