import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { BerthError } from '../base';

/** The part of a gRPC call that tells when its caller stops waiting. */
export type WaitedFor = Pick<ServerUnaryCall<unknown, unknown>, 'cancelled' | 'getDeadline' | 'on' | 'off'>;

// A client resets the stream at its own deadline, which the server reckons a moment later.
const toleranceMs = 50;

/** The signal of one call, and how the call is ended by us. */
export interface CallSignal extends Disposable {
  readonly signal: AbortSignal;
  readonly end: (reason: BerthError) => void;
}

/**
 * The signal of one call: aborted when its caller gives up or its deadline passes, or by `end`. The reason is a TimeoutError for
 * the deadline, so that `abortError` tells the two apart. Dispose of it when the call is answered.
 */
export function callSignal(call: WaitedFor): CallSignal {
  const controller = new AbortController();
  const deadline = Number(call.getDeadline());
  const expire = () => controller.abort(new DOMException('the deadline passed', 'TimeoutError'));
  const cancel = () => {
    if (Date.now() >= deadline - toleranceMs) expire();
    else controller.abort(new DOMException('the caller gave up', 'AbortError'));
  };
  const timer = Number.isFinite(deadline) ? setTimeout(expire, Math.max(0, deadline - Date.now())) : undefined;
  timer?.unref();
  if (call.cancelled) cancel();
  else call.on('cancelled', cancel);
  return {
    signal: controller.signal,
    end: (reason) => controller.abort(reason),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      call.off('cancelled', cancel);
    },
  };
}
