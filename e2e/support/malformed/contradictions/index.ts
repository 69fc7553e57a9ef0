import type { Contradiction, ContradictionsOf } from './contradiction';
import { containerContradictions } from './containers';
import { limitContradictions } from './limits';
import { mountContradictions } from './mounts';
import { otherContradictions } from './others';
import { podContradictions } from './pods';

export type { Contradiction } from './contradiction';

/** Every contradiction that has a name. */
export const allContradictions: ContradictionsOf = (standing): readonly Contradiction[] =>
  [containerContradictions, mountContradictions, limitContradictions, podContradictions, otherContradictions].flatMap(
    (group) => group(standing),
  );
