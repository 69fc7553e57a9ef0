import { BerthError } from '../../base';

/** The error for a field that is not as CRI wants it. The field is named by its path in the request, as proto/ has it. */
export function badField(op: string, field: string, detail: string): BerthError {
  return new BerthError('argument-invalid', { op, object: field, detail });
}

/** A message that has to be there. */
export function needMessage<T extends object>(op: string, field: string, value: T | undefined): T {
  if (value === undefined) throw badField(op, field, 'is missing');
  return value;
}

/** A text that may not be empty: proto3 cannot tell an empty one from none. */
export function needText(op: string, field: string, value: string): string {
  if (value === '') throw badField(op, field, 'is missing');
  return value;
}

/** What is for Windows nodes would be without effect here: whoever sends it is mistaken about the node. */
export function refuseWindows(op: string, field: string, config: { readonly windows?: object | undefined }): void {
  if (config.windows !== undefined) throw badField(op, `${field}.windows`, 'is for Windows nodes');
}

// Node's timers end at 2^31 milliseconds; a wait of 24 days is as good as longer ones.
const maxSeconds = Math.floor((2 ** 31 - 1) / 1000);

/** A time in seconds, from CRI's int64. */
export function seconds(op: string, field: string, value: bigint): number {
  if (value < 0n) throw badField(op, field, `is ${value}, below 0`);
  return value > BigInt(maxSeconds) ? maxSeconds : Number(value);
}
