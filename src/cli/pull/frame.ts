import type { admin } from '../../wire';
import { printable } from '../failure';
import { size } from '../output/units';

/** What a frame is drawn for: a terminal's columns and rows, and bytes per second. */
export interface FrameSettings {
  readonly columns: number;
  readonly rows: number;
  readonly speed: number;
  /** The pull has come to its end: what was not told of a layer any more is done. */
  readonly done: boolean;
}

const widestBar = 30;
/** A bar that is shorter says nothing. */
const narrowestBar = 8;
/** Of a line without its bar. */
const otherColumns = 54;

/** A line for each layer and one for all of them, none longer than the terminal is wide, nor more than it is high. */
export function frame({ layers, endpoint }: admin.PullProgress, settings: FrameSettings): string[] {
  const { columns, rows, speed, done } = settings;
  if (layers.length === 0) return [];
  const shown = layers.map((layer) => ({ layer, stage: stageOf(layer, done) }));
  const room = Math.max(1, rows - 3);
  // Where there is no room for all, those are left out of which there is nothing to be seen.
  const visible = shown.length <= room ? shown : shown.filter(({ stage }) => stage.moves).slice(0, room);
  const left = shown.length - visible.length;
  const bar = Math.min(widestBar, columns - otherColumns - 1);
  const lines = visible.map(({ layer, stage }) => {
    const bytes = `${size(stage.bytes)}/${size(layer.size)}`;
    const drawn = bar < narrowestBar ? '' : `${barOf(stage.bytes, layer.size, bar)}  `;
    return `  ${idOf(layer)}  ${drawn}${bytes.padStart(15)}  ${stage.word}`;
  });
  if (left > 0) lines.push(`  and ${left} more`);
  const sum = (of: (each: (typeof shown)[number]) => bigint) => shown.reduce((all, each) => all + of(each), 0n);
  const total = `${size(sum(({ stage }) => stage.bytes))} of ${size(sum(({ layer }) => layer.size))}`;
  const unpacked = `${shown.filter(({ stage }) => stage.ready).length} of ${shown.length} layers`;
  const rate = done ? [] : [`${size(BigInt(Math.round(speed)))}/s`, `from ${printable(endpoint)}`];
  lines.push(`  ${[total, unpacked, ...rate].join(', ')}`);
  return lines.map((line) => line.slice(0, Math.max(1, columns - 1)));
}

interface Stage {
  readonly word: string;
  readonly bytes: bigint;
  readonly ready: boolean;
  /** Something happens to it. */
  readonly moves: boolean;
}

const readyWords: Readonly<Record<string, string>> = {
  there: 'there already',
  shared: 'by another pull',
  local: 'unpacked again',
  registry: 'unpacked',
};

function stageOf({ ready, received, size: all }: admin.PullLayer, done: boolean): Stage {
  if (ready !== '' || done) {
    return { word: readyWords[ready] ?? 'done', bytes: all, ready: true, moves: false };
  }
  if (received === 0n) return { word: 'waiting', bytes: 0n, ready: false, moves: false };
  // What a layer is fetched again for, damaged on its way, comes on top.
  if (received >= all) return { word: 'unpacking', bytes: all, ready: false, moves: true };
  return { word: 'fetching', bytes: received, ready: false, moves: true };
}

function barOf(bytes: bigint, all: bigint, width: number): string {
  const inner = width - 2;
  const filled = all === 0n ? inner : Number((bytes * BigInt(inner)) / all);
  const head = filled < inner ? '>' : '';
  return `[${`${'='.repeat(filled)}${head}`.padEnd(inner)}]`;
}

function idOf({ digest }: admin.PullLayer): string {
  return printable(digest.replace(/^sha256:/, '').slice(0, 12)).padEnd(12);
}
