import type { Families } from './families';

/** Told of each RPC by the wrapper around it. */
export interface CallObserver {
  began(rpc: string): void;
  /** `code` is gRPC's name of how it ended. */
  ended(rpc: string, code: string, seconds: number): void;
}

/** Reads answer within milliseconds, a stop takes its grace of half a minute, a pull minutes. */
const buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

/** What clients ask of berthd, and how it answers. */
export function callMetrics(families: Families): CallObserver {
  const durations = families.histogram(
    'berth_rpc_duration_seconds',
    'Time from a call to its answer, by RPC and gRPC code. Calls that give a stream last as long as it.',
    ['rpc', 'code'],
    buckets,
  );
  const inFlight = new Map<string, number>();
  families.gaugeOf('berth_rpcs_in_flight', 'Calls that are not answered yet.', ['rpc'], () =>
    [...inFlight].map(([rpc, count]) => [{ rpc }, count]),
  );
  const add = (rpc: string, count: number) => void inFlight.set(rpc, (inFlight.get(rpc) ?? 0) + count);
  return {
    began: (rpc) => add(rpc, 1),
    ended(rpc, code, seconds) {
      add(rpc, -1);
      durations.observe({ rpc, code }, seconds);
    },
  };
}
