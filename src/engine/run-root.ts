import { BerthError } from '../base';

/** A socket address holds 107 bytes; our longest is `<run-root>/s/<16 hex>`. */
const maxRunRoot = 107 - '/s/0123456789abcdef'.length;

/** @throws `config-invalid` if no socket below the folder could have an address. */
export function checkRunRoot(runRoot: string): void {
  if (Buffer.byteLength(runRoot) <= maxRunRoot) return;
  throw new BerthError('config-invalid', {
    op: 'start',
    object: 'run_root',
    detail: `${runRoot} is longer than ${maxRunRoot} bytes: the address of a socket below it would not fit`,
    remedy: 'use a shorter path',
  });
}
