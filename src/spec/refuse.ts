import { BerthError, type ErrorCode } from '../base';

/** The error of a container's request: names the container, then the CRI field or the image that is wrong. */
export function refuseContainer(id: string, detail: string, code: ErrorCode = 'argument-invalid'): BerthError {
  return new BerthError(code, { op: 'CreateContainer', object: `container ${id}`, detail });
}

/** An int64 of CRI as a number of JSON; beyond 2^53 it could not be written exactly. */
export function exactNumber(value: bigint, id: string, field: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw refuseContainer(id, `${field} is ${value}: beyond ±2^53 it cannot be written to the OCI spec`);
}
