import type { ErrorCode } from '../../base';

/** Why pulls fail, by who can mend it. */
export const failureReasons = [
  'unreachable',
  'denied',
  'not-found',
  'throttled',
  'policy',
  'content',
  'name',
  'no-space',
  'stalled',
  'other',
] as const;
export type FailureReason = (typeof failureReasons)[number];

const reasons: Partial<Record<ErrorCode, FailureReason>> = {
  'registry-unreachable': 'unreachable',
  'registry-protocol': 'unreachable',
  'registry-denied': 'denied',
  'registry-credentials': 'denied',
  'manifest-not-found': 'not-found',
  'registry-throttled': 'throttled',
  'image-blocked': 'policy',
  'image-signature': 'policy',
  'policy-invalid': 'policy',
  'digest-mismatch': 'content',
  'layer-invalid': 'content',
  'manifest-invalid': 'content',
  'image-platform': 'content',
  'image-unsupported': 'content',
  'image-short-name': 'name',
  'image-reference-invalid': 'name',
  'storage-full': 'no-space',
  'deadline-exceeded': 'stalled',
};

/** The class of an error; all that berth itself is to blame for is `other`. */
export function failureReason(code: ErrorCode): FailureReason {
  return reasons[code] ?? 'other';
}
