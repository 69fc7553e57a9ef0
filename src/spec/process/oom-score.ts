import type { HostFacts } from '../input';

/**
 * The oom_score_adj that can be written: without CAP_SYS_RESOURCE the kernel refuses to go below the daemon's own
 * (proc_pid_oom_score_adj(5)), which would fail the whole container.
 */
export function clampOomScore(wanted: number, facts: HostFacts): { value: number; notes: readonly string[] } {
  if (facts.hasSysResource || wanted >= facts.oomScoreAdj) return { value: wanted, notes: [] };
  const note = `oom_score_adj ${wanted} was raised to ${facts.oomScoreAdj}: lower needs CAP_SYS_RESOURCE`;
  return { value: facts.oomScoreAdj, notes: [note] };
}
