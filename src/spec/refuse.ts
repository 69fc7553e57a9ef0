import { BerthError, type ErrorCode } from '../base';

/** The error of a container's request: names the container, then the CRI field or the image that is wrong. */
export function refuseContainer(id: string, detail: string, code: ErrorCode = 'argument-invalid'): BerthError {
  return new BerthError(code, { op: 'CreateContainer', object: `container ${id}`, detail });
}
