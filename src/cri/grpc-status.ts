import { status } from '@grpc/grpc-js';
import { type ErrorCode, isBerthError, messageOf } from '../base';

/** What a failed call is answered with. */
export interface FailedStatus {
  readonly code: status;
  readonly details: string;
}

/**
 * Errors that the kubelet tells people in its own words. It knows them by how the message of UNKNOWN begins; of other
 * codes it puts gRPC's own words before the message (cri-client, remote_image.go; kubelet, images/image_manager.go).
 */
const kubeletReasons: readonly {
  readonly code: ErrorCode;
  readonly rpcs: readonly string[];
  readonly reason: string;
}[] = [
  { code: 'image-signature', rpcs: ['PullImage', 'CreateContainer'], reason: 'SignatureValidationFailed' },
  { code: 'registry-unreachable', rpcs: ['PullImage'], reason: 'RegistryUnavailable' },
];

// Trailers are headers: clients refuse blocks beyond some tens of KiB, and a runtime's output can be long.
const maxDetailsBytes = 8 * 1024;

/** The gRPC status of whatever an RPC has thrown: the catalog's for a BerthError, INTERNAL for anything else. */
export function statusOf(error: unknown, rpc: string): FailedStatus {
  const reason = kubeletReason(error, rpc);
  if (reason !== undefined) return { code: status.UNKNOWN, details: clip(`${reason}: ${messageOf(error)}`) };
  const code = isBerthError(error) ? status[error.status] : status.INTERNAL;
  return { code, details: clip(messageOf(error)) };
}

/** The word by which the kubelet knows this error. */
export function kubeletReason(error: unknown, rpc: string): string | undefined {
  if (!isBerthError(error)) return undefined;
  return kubeletReasons.find(({ code, rpcs }) => code === error.code && rpcs.includes(rpc))?.reason;
}

/** Well-formed, too: grpc-js fails on half of a surrogate pair. */
function clip(text: string): string {
  const bytes = Buffer.from(text);
  const kept = bytes.subarray(0, maxDetailsBytes).toString();
  return bytes.length <= maxDetailsBytes ? kept : `${kept}… (cut)`;
}
