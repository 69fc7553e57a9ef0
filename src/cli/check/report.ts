import type { admin } from '../../wire';
import { oneLine } from '../failure';
import { isoTime } from '../output/units';

/** What a check has found, to be printed and to be ended by. */
export interface Report {
  readonly problems: admin.CheckProblem[];
  readonly aside: admin.CheckAside[];
  summary: admin.CheckSummary | undefined;
}

/** 0: whole, or whole again. 1: damage is left. 2: something could not be checked, or the check did not end. */
export function statusOf({ problems, summary }: Report): 0 | 1 | 2 {
  const left = problems.filter(({ outcome, kind }) => outcome !== 'repaired' && kind !== 'leftover');
  if (left.some(({ kind }) => kind !== 'unchecked')) return 1;
  return left.length > 0 || !summary ? 2 : 0;
}

/** The lines for one problem: what it is, whom it concerns, and what to do. */
export function problemLines({
  kind,
  object,
  detail,
  images,
  containers,
  outcome,
  remedy,
}: admin.CheckProblem): string {
  const more = [
    images.length > 0 ? `images: ${images.join(', ')}` : '',
    containers.length > 0 ? `containers: ${containers.map((id) => id.slice(0, 13)).join(', ')}` : '',
    outcome === 'repaired' ? `repaired${remedy ? `; ${remedy}` : ''}` : remedy,
  ];
  return [`${kind} ${object}: ${detail}`, ...more.filter((text) => text !== '').map((text) => `    ${oneLine(text)}`)]
    .map((line, at) => (at === 0 ? oneLine(line) : line))
    .join('\n')
    .concat('\n');
}

/** The line for something that is set aside. */
export function asideLine({ path, since, discarded, containers }: admin.CheckAside): string {
  const state = discarded
    ? 'deleted'
    : containers.length > 0
      ? `in use by containers: ${containers.map((id) => id.slice(0, 13)).join(', ')}`
      : '`berth check --discard` deletes it';
  return `set aside ${isoTime(since) ?? ''} ${oneLine(path)}: ${state}\n`;
}

/** The last line. */
export function summaryLine({ problems, summary }: Report): string {
  if (!summary) return 'the check did not come to its end\n';
  const checked = `${summary.images} images, ${summary.layers} layers checked`;
  if (problems.length === 0) return `${checked}: all whole\n`;
  const repaired = problems.filter(({ outcome }) => outcome === 'repaired').length;
  return `${checked}: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}, ${repaired} repaired\n`;
}
