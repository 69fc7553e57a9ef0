import { BerthError, messageOf } from '../base';
import { hostFacts } from '../pods';
import {
  checkResources,
  clampOomScore,
  containerResources,
  limitFiles,
  mergeResources,
  type HostFacts,
  type LinuxResources,
} from '../spec';
import type { ContainerRecord } from '../state';
import type { LinuxContainerResources } from '../wire';
import { changeSpec } from './bundle';
import { checkCpusets } from './cpusets';
import type { CreateParts } from './create-parts';
import { giveBackLimits, readLimits, type LimitsBefore } from './limits-before';
import type { Supervisor } from './supervisor';

const op = 'UpdateContainerResources';

/** What CRI's limits are here. */
interface Limits {
  readonly resources: LinuxResources;
  /** As it can be written; undefined if the request sets none. */
  readonly score: number | undefined;
  readonly notes: readonly string[];
}

/**
 * Changes the limits of a container that has not ended (CRI UpdateContainerResources): by the OCI runtime, and by the
 * kernel's files where runtimes know no update. If a step fails the limits are again as they were before; the record has
 * the new ones only when the kernel has them.
 */
export async function updateResources(
  parts: CreateParts,
  supervisor: Supervisor,
  record: ContainerRecord,
  change: LinuxContainerResources,
  signal?: AbortSignal,
): Promise<void> {
  const object = `container ${record.id}`;
  if (record.phase !== 'created' && record.phase !== 'running')
    throw new BerthError('container-state', { op, object, detail: `it is ${record.phase}: it has no limits any more` });
  const old = record.config.linux?.resources;
  const resources = mergeResources(old, change);
  // What a change sets stands in what comes of it; only there can be seen whether the limits fit each other.
  checkResources({ op, object, field: 'linux' }, resources);
  await checkCpusets({ op, object, field: 'linux' }, change);
  refuseBelowUse(parts, record, change);
  const facts = hostFacts(parts.kernel);
  const wanted = limitsOf(resources, facts);
  // Of a container that is to be restored there is nothing yet: its start makes it as its spec says then.
  const inForce = !record.restored || record.phase !== 'created';
  const before = inForce ? await readLimits(parts.kernel, record, wanted.resources) : undefined;
  try {
    if (before) await enforce(parts, record, wanted, signal);
    await writeSpec(parts, record, wanted);
  } catch (error) {
    if (before) await takeBack(parts, record, { before, old: limitsOf(old, facts), wanted });
    throw error;
  }
  wanted.notes.forEach(parts.sayOnce);
  await supervisor.update(record.id, (now) => ({
    ...now,
    config: { ...now.config, linux: { securityContext: undefined, ...now.config.linux, resources } },
  }));
}

function limitsOf(cri: LinuxContainerResources | undefined, facts: HostFacts): Limits {
  const { resources, notes } = containerResources(cri, facts, { env: [] }, []);
  const wanted = Number(cri?.oomScoreAdj ?? 0n);
  const score = clampOomScore(wanted, facts);
  return { resources, score: wanted === 0 ? undefined : score.value, notes: [...notes, ...score.notes] };
}

/** A limit below what cannot be reclaimed ends processes on cgroup v2, and is refused by v1 without a word of why. */
function refuseBelowUse({ meter }: CreateParts, record: ContainerRecord, change: LinuxContainerResources): void {
  const limit = change.memoryLimitInBytes;
  const used = meter.read(record.cgroupPath)?.memory?.workingSet ?? 0n;
  if (limit <= 0n || limit >= used) return;
  throw new BerthError('container-state', {
    op,
    object: `container ${record.id}`,
    detail: `linux.memory_limit_in_bytes is ${limit}, and it uses ${used} bytes now: the kernel would end processes for it`,
    remedy: 'ask for more, or have the container give memory back first',
  });
}

async function enforce(
  parts: CreateParts,
  record: ContainerRecord,
  { resources, score }: Limits,
  signal?: AbortSignal,
): Promise<void> {
  const { kernel } = parts;
  const { cpu, memory } = resources;
  if (cpu || memory) await parts.runtimeOf(record).update(record.id, { cpu, memory }, signal);
  await kernel.limitCgroup(record.cgroupPath, limitFiles(resources, kernel.facts.cgroup));
  if (score !== undefined) await kernel.scoreCgroup(record.cgroupPath, score);
}

/** No signal ends it: the caller may have given up. What cannot be taken back is logged. */
async function takeBack(
  parts: CreateParts,
  record: ContainerRecord,
  { before, old, wanted }: { readonly before: LimitsBefore; readonly old: Limits; readonly wanted: Limits },
): Promise<void> {
  const { kernel } = parts;
  const resources = { before, old: old.resources, wanted: wanted.resources };
  const unset = clampOomScore(0, hostFacts(kernel)).value;
  const results = await Promise.allSettled([
    giveBackLimits(kernel, parts.runtimeOf(record), record, resources),
    wanted.score !== undefined && kernel.scoreCgroup(record.cgroupPath, old.score ?? unset),
  ]);
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    const error: unknown = result.reason;
    parts.log.error({ err: error, container: record.id }, `taking back new limits: ${messageOf(error)}`);
  }
}

async function writeSpec(parts: CreateParts, record: ContainerRecord, { resources, score }: Limits): Promise<void> {
  await changeSpec(parts.paths(record.id).config, record.id, ({ process, linux, ...spec }) => ({
    ...spec,
    process: { ...process, ...(score !== undefined && { oomScoreAdj: score }) },
    linux: { ...linux, resources: { ...linux.resources, ...resources, devices: linux.resources.devices } },
  }));
}
