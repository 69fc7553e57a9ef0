import { ResponderBuilder, ServerInterceptingCall, ServerListenerBuilder, type ServerInterceptor } from '@grpc/grpc-js';

/** Resets that come back to a session each second. */
const backPerSecond = 33;
/** Half of what a session takes: what is in flight on one that is being renewed may be given up too. */
const renewAt = 500;

/**
 * nghttp2 ends a session, with all that is in flight, once its client has reset 1,000 streams and more than 33 a second
 * after that (its answer to rapid resets, CVE-2023-44487; Node 20 has no option for it). A client that gives up on a call
 * resets its stream: a hundred that are impatient get there within seconds. Before it comes to that the sessions are
 * renewed: told to finish what they have and to connect anew, which gRPC clients do unseen.
 */
export class SessionRenewal {
  /** Calls of all clients together that were given up, or may still be. */
  private open = 0;
  private countedAt: number;

  /** `now` in milliseconds. */
  constructor(
    private readonly renew: () => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.countedAt = now();
  }

  begun(): void {
    const now = this.now();
    this.open = Math.max(0, this.open - ((now - this.countedAt) / 1000) * backPerSecond) + 1;
    this.countedAt = now;
    if (this.open < renewAt) return;
    this.open = 0;
    this.renew();
  }

  /** A call was answered while its client still waited. */
  answered(): void {
    this.open = Math.max(0, this.open - 1);
  }
}

/** Counts every call from its first byte on: many that are given up are never heard of by a handler. */
export function countCalls(renewal: SessionRenewal): ServerInterceptor {
  return (_method, call) => {
    renewal.begun();
    let givenUp = false;
    const listener = new ServerListenerBuilder().withOnCancel(() => void (givenUp = true)).build();
    const responder = new ResponderBuilder()
      .withStart((next) => next(listener))
      .withSendStatus((answer, next) => {
        if (!givenUp) renewal.answered();
        next(answer);
      })
      .build();
    return new ServerInterceptingCall(call, responder);
  };
}
