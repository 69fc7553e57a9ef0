import { asideLine, problemLines, statusOf, summaryLine } from '../../src/cli/check/report';
import type { admin } from '../../src/wire';

const problem = (over: Partial<admin.CheckProblem> = {}): admin.CheckProblem => ({
  kind: 'layer-damaged',
  object: 'sha256:1',
  detail: '1 path differs: etc/motd is missing',
  images: ['example.org/a:1'],
  containers: ['c'.repeat(64)],
  outcome: 'found',
  remedy: '`berth check --repair` brings it back',
  ...over,
});
const report = (...problems: admin.CheckProblem[]) => ({ problems, aside: [], summary: { images: 1, layers: 2 } });

test.each([
  ['nothing', [], 0],
  ['what was repaired', [problem({ outcome: 'repaired' })], 0],
  ['leftovers', [problem({ kind: 'leftover' })], 0],
  ['damage', [problem()], 1],
  ['damage that could not be repaired', [problem({ outcome: 'failed' })], 1],
  ['what could not be checked', [problem({ kind: 'unchecked' })], 2],
  ['damage, and what could not be checked', [problem({ kind: 'unchecked' }), problem()], 1],
] as const)('the status of %s', (_what, problems, status) => {
  expect(statusOf(report(...problems))).toBe(status);
});

test('a check that did not end is not whole', () => {
  expect(statusOf({ ...report(), summary: undefined })).toBe(2);
});

test('a problem says what it is, whom it concerns and what to do; names cannot write to the terminal', () => {
  expect(problemLines(problem({ detail: 'etc/\u001b[31m is missing' }))).toBe(
    [
      'layer-damaged sha256:1: etc/?[31m is missing',
      '    images: example.org/a:1',
      '    containers: ccccccccccccc',
      '    `berth check --repair` brings it back',
      '',
    ].join('\n'),
  );
  expect(problemLines(problem({ images: [], containers: [], outcome: 'repaired', remedy: '' }))).toBe(
    'layer-damaged sha256:1: 1 path differs: etc/motd is missing\n    repaired\n',
  );
});

test('what is set aside, and the last line', () => {
  const aside = { path: '/r/damaged/x', since: 1_600_000_000_000_000_000n, discarded: false, containers: [] };
  expect(asideLine(aside)).toBe(
    'set aside 2020-09-13T12:26:40.000Z /r/damaged/x: `berth check --discard` deletes it\n',
  );
  expect(asideLine({ ...aside, discarded: true })).toMatch(/: deleted\n$/);
  expect(asideLine({ ...aside, containers: ['c'.repeat(64)] })).toMatch(/: in use by containers: c{13}\n$/);
  expect(summaryLine(report())).toBe('1 images, 2 layers checked: all whole\n');
  expect(summaryLine(report(problem(), problem({ outcome: 'repaired' })))).toBe(
    '1 images, 2 layers checked: 2 problems, 1 repaired\n',
  );
});
