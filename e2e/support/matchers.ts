import type { ServiceError } from '@grpc/grpc-js';

/** The gRPC error that the call must end with, to look at its code and message. */
export async function rejection(call: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isServiceError(error)) throw new Error('the call did not end with a gRPC error', { cause: error });
  return error;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}
