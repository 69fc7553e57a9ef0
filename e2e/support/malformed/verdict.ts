import { status } from '@grpc/grpc-js';
import type { Case } from './cases';
import type { Answer } from './send';

/** What tells a caller that the request is wrong, or wrong here and now. */
const refusals: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.FAILED_PRECONDITION,
  status.ALREADY_EXISTS,
  status.OUT_OF_RANGE,
  status.UNIMPLEMENTED,
  status.RESOURCE_EXHAUSTED,
]);
/** What the registry says of a pull. */
const registryRefusals: ReadonlySet<status> = new Set([status.UNAUTHENTICATED, status.PERMISSION_DENIED]);

/** How every message of berth ends, unless it was cut. */
const tellsRemedy = /^[^:]+: .+( \(.+\)|… \(cut\))$/s;

/** What is wrong with an answer; undefined if it is right. */
export function wrongWith({ rpc, answer: expected }: Case, { code, details }: Answer): string | undefined {
  if (code === status.OK) return expected === 'refused' ? 'it was served' : undefined;
  const refused = refusals.has(code) || (rpc.name === 'PullImage' && registryRefusals.has(code));
  if (!refused) return `it was answered with ${status[code]}`;
  if (expected === 'served') return 'it was refused';
  // gRPC itself says RESOURCE_EXHAUSTED of a message that is too long, in words of its own.
  if (code !== status.RESOURCE_EXHAUSTED && !tellsRemedy.test(details)) return 'the answer does not say what to do';
  return undefined;
}
