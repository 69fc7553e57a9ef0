import type { HostFacts, Ulimit } from '../input';
import type { Rlimit } from '../oci';

export interface Rlimits {
  readonly rlimits: readonly Rlimit[];
  /** What was cut because the daemon itself may not raise it. */
  readonly notes: readonly string[];
}

/**
 * The configuration's limits as the OCI spec has them (config.md, "POSIX process"). Only with CAP_SYS_RESOURCE a hard
 * limit may be raised: without it one above the daemon's own is cut to that, else no container would start.
 */
export function processRlimits(ulimits: readonly Ulimit[], { hasSysResource, hardLimits = {} }: HostFacts): Rlimits {
  const notes: string[] = [];
  const rlimits = ulimits.map(({ name, soft, hard }) => {
    const most = hasSysResource ? Infinity : (hardLimits[name] ?? Infinity);
    if (hard > most) notes.push(`the limit ${name}=${hard} is cut to ${most}, which is all that the daemon has itself`);
    return { type: `RLIMIT_${name.toUpperCase()}`, soft: Math.min(soft, most), hard: Math.min(hard, most) };
  });
  return { rlimits, notes };
}
