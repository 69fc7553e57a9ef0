import type { Instrument } from '../instrument';
import type { CriParts } from '../parts';
import type { Rpc } from '../rpc';
import { check } from './check';
import { info } from './info';
import { loadImage } from './load-image';
import { pull } from './pull';

/** Every RPC of berth.v1.Admin. */
export function adminService(parts: CriParts, instrument: Instrument): readonly Rpc[] {
  return [loadImage(parts), pull(parts), check(parts), info(parts, instrument)];
}
