import type { Message, Path, Value } from '../message';
import type { Standing } from '../standing';

/** Values that are each fine, and not together, or not here: what the daemon has to say of them is known. */
export interface Contradiction {
  readonly rpc: string;
  readonly name: string;
  readonly sets: readonly (readonly [Path, Value | undefined])[];
  /** `either`: refused, or served and then whole. */
  readonly answer: 'refused' | 'served' | 'either';
  /** Started, too, if it can be created. */
  readonly start?: boolean;
}

export type ContradictionsOf = (standing: Standing) => readonly Contradiction[];

/** `config.linux.resources` as the path that it is. */
export const at = (path: string): Path => path.split('.');

/** The sets of contradictions of one RPC, from pairs of a path and its value. */
export function contradictions(rpc: string): {
  readonly refused: (name: string, sets: Sets) => Contradiction;
  readonly served: (name: string, sets: Sets) => Contradiction;
  readonly either: (name: string, sets: Sets) => Contradiction;
  readonly started: (name: string, sets: Sets, answer?: Contradiction['answer']) => Contradiction;
} {
  const make = (answer: Contradiction['answer'], name: string, sets: Sets): Contradiction => ({
    rpc,
    name,
    answer,
    sets: Object.entries(sets).map(([path, value]) => [at(path), value] as const),
  });
  return {
    refused: (name, sets) => make('refused', name, sets),
    served: (name, sets) => make('served', name, sets),
    either: (name, sets) => make('either', name, sets),
    started: (name, sets, answer = 'either') => ({ ...make(answer, name, sets), start: true }),
  };
}

type Sets = Readonly<Record<string, Value | undefined>>;

/** A bind of the node's path. */
export const bind = (host: string, container: string, more: Message = {}): Message => ({
  host_path: host,
  container_path: container,
  ...more,
});
