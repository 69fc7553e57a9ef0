import { status } from '@grpc/grpc-js';
import { isBerthError, messageOf } from '../base';

/** What a failed call is answered with. */
export interface FailedStatus {
  readonly code: status;
  readonly details: string;
}

// Trailers are headers: clients refuse blocks beyond some tens of KiB, and a runtime's output can be long.
const maxDetailsBytes = 8 * 1024;

/** The gRPC status of whatever was thrown: the catalog's for a BerthError, INTERNAL for anything else. */
export function statusOf(error: unknown): FailedStatus {
  const code = isBerthError(error) ? status[error.status] : status.INTERNAL;
  return { code, details: clip(messageOf(error)) };
}

/** Well-formed, too: grpc-js fails on half of a surrogate pair. */
function clip(text: string): string {
  const bytes = Buffer.from(text);
  const kept = bytes.subarray(0, maxDetailsBytes).toString();
  return bytes.length <= maxDetailsBytes ? kept : `${kept}… (cut)`;
}
