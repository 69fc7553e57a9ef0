import { textTable } from '../text-table';
import type { FigureName, Figures } from './figures';

/** How far two figures may be from each other: the larger of both bounds. */
export interface Tolerance {
  /** A part of the larger figure. */
  readonly part?: number;
  readonly absolute?: number;
}

/** One figure of one part of the load. */
export interface Expectation {
  readonly subject: string;
  readonly figure: FigureName;
  readonly tolerance: Tolerance;
  /** Why the peer's figure is another one, where it is not the same thing. */
  readonly byDefinition?: string;
}

/** What each daemon says of its own load, and what the kernel says of it; absent: not told. */
export interface Said {
  readonly berth: Figures;
  readonly berthKernel: Figures;
  readonly peer: Figures;
  readonly peerKernel: Figures;
}

export interface CompareRow extends Expectation {
  readonly berth: number | undefined;
  readonly berthKernel: number | undefined;
  readonly peer: number | undefined;
  readonly peerKernel: number | undefined;
  readonly verdict: StatsVerdict;
}

/**
 * `same`: within the tolerance. `each its own`: the load itself was not the same for both, as the kernel has it, and each
 * says what its was. `by definition`: not the peer's, for the reason that is known. In all three berth says what the kernel
 * says; the others fail.
 */
export type StatsVerdict = 'same' | 'each its own' | 'by definition' | 'OTHER THAN THE PEER' | 'OTHER THAN THE KERNEL';

export function compare(expectation: Expectation, { berth, berthKernel, peer, peerKernel }: Said): CompareRow {
  const { figure } = expectation;
  const figures = {
    berth: berth[figure],
    berthKernel: berthKernel[figure],
    peer: peer[figure],
    peerKernel: peerKernel[figure],
  };
  return { ...expectation, ...figures, verdict: verdictOf(expectation, figures) };
}

type RowFigures = Pick<CompareRow, 'berth' | 'berthKernel' | 'peer' | 'peerKernel'>;

function verdictOf({ tolerance, byDefinition }: Expectation, figures: RowFigures): StatsVerdict {
  const { berth, berthKernel, peer, peerKernel } = figures;
  if (!near(berth, berthKernel, tolerance)) return 'OTHER THAN THE KERNEL';
  if (near(berth, peer, tolerance)) return 'same';
  if (byDefinition !== undefined) return 'by definition';
  const otherLoad = !near(berthKernel, peerKernel, tolerance);
  return otherLoad && near(peer, peerKernel, tolerance) ? 'each its own' : 'OTHER THAN THE PEER';
}

/** Whether a row is not as it has to be. */
export const fails = ({ verdict }: Pick<CompareRow, 'verdict'>): boolean => verdict.startsWith('OTHER');

/** What is not told is near to what is not told alone. */
export function near(
  one: number | undefined,
  other: number | undefined,
  { part = 0, absolute = 0 }: Tolerance,
): boolean {
  if (one === undefined || other === undefined) return one === other;
  return Math.abs(one - other) <= Math.max(absolute, part * Math.max(Math.abs(one), Math.abs(other)));
}

/** The table as it is printed; behind each daemon's figure the kernel's of the same load. */
export function compareTable(rows: readonly CompareRow[]): string {
  const lines = rows.map((row) => [
    row.subject,
    row.figure,
    shown(row.berth),
    shown(row.berthKernel),
    shown(row.peer),
    shown(row.peerKernel),
    toleranceText(row.tolerance),
    row.verdict,
  ]);
  return textTable(
    [['load', 'figure', 'berth', 'kernel', 'peer', 'kernel', 'tolerance', 'verdict'], ...lines],
    [0, 1, 7],
  );
}

const shown = (figure: number | undefined): string =>
  figure === undefined ? '-' : Number.isInteger(figure) ? String(figure) : figure.toFixed(3);

function toleranceText({ part, absolute }: Tolerance): string {
  const texts = [part && `${Math.round(part * 100)} %`, absolute && String(absolute)].filter(Boolean);
  return texts.join(' or ') || 'none';
}
