import type { LinuxContainerSecurityContext } from '../../wire';
import { pathProblem } from '../path-problem';
import { refuseContainer } from '../refuse';

const usualMasked: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

const usualReadonly: readonly string[] = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export interface ProtectedPaths {
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
}

/**
 * Hidden and read-only paths: CRI's lists as they are (empty is none: procMount Unmasked), the usual ones where the
 * request has no security context at all, none for a privileged container.
 */
export function protectedPaths(id: string, context: LinuxContainerSecurityContext | undefined): ProtectedPaths {
  if (context === undefined) return { maskedPaths: usualMasked, readonlyPaths: usualReadonly };
  if (context.privileged) return { maskedPaths: [], readonlyPaths: [] };
  for (const [field, paths] of [
    ['masked_paths', context.maskedPaths] as const,
    ['readonly_paths', context.readonlyPaths] as const,
  ]) {
    const wrong = paths.find((path) => !path.startsWith('/'));
    if (wrong !== undefined) throw refuseContainer(id, `${field} has ${JSON.stringify(wrong)}: not an absolute path`);
    const problem = paths.map(pathProblem).find((found) => found !== undefined);
    if (problem) throw refuseContainer(id, `${field} has a path that ${problem}`);
  }
  return { maskedPaths: context.maskedPaths, readonlyPaths: context.readonlyPaths };
}

/** What berth's own processes in a pod see. */
export const usualPaths: ProtectedPaths = { maskedPaths: usualMasked, readonlyPaths: usualReadonly };
