import { BerthError, messageOf } from '../base';
import { hostFacts } from '../pods';
import { checkResources, clampOomScore, containerResources, limitFiles, mergeResources } from '../spec';
import type { ContainerRecord } from '../state';
import type { LinuxContainerResources } from '../wire';
import { changeSpec } from './bundle';
import { checkCpusets } from './cpusets';
import type { CreateParts } from './create-parts';
import type { Supervisor } from './supervisor';

const op = 'UpdateContainerResources';

/**
 * Changes the limits of a container that has not ended (CRI UpdateContainerResources): by the OCI runtime, and by the
 * kernel's files where runtimes know no update. If a step fails those before it are taken back; the record has the new
 * limits only when the kernel has them.
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
  try {
    await apply(parts, record, resources, signal);
  } catch (error) {
    if (old) {
      await apply(parts, record, old).catch((undoError: unknown) => {
        parts.log.error({ err: undoError, container: record.id }, `taking back new limits: ${messageOf(undoError)}`);
      });
    }
    throw error;
  }
  await supervisor.update(record.id, (now) => ({
    ...now,
    config: { ...now.config, linux: { securityContext: undefined, ...now.config.linux, resources } },
  }));
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

async function apply(
  parts: CreateParts,
  record: ContainerRecord,
  wanted: LinuxContainerResources,
  signal?: AbortSignal,
): Promise<void> {
  const { kernel } = parts;
  const facts = hostFacts(kernel);
  const { resources, notes } = containerResources(wanted, facts, { env: [] }, []);
  const { cpu, memory } = resources;
  const score = clampOomScore(Number(wanted.oomScoreAdj), facts);
  // Of a container that is to be restored there is nothing yet: its start makes it as its spec says then.
  if (!record.restored || record.phase !== 'created') {
    if (cpu || memory) await parts.runtimeOf(record).update(record.id, { cpu, memory }, signal);
    await kernel.limitCgroup(record.cgroupPath, limitFiles(resources, facts.cgroup));
    if (wanted.oomScoreAdj !== 0n) await kernel.scoreCgroup(record.cgroupPath, score.value);
  }
  await changeSpec(parts.paths(record.id).config, record.id, ({ process, linux, ...spec }) => ({
    ...spec,
    process: { ...process, ...(wanted.oomScoreAdj !== 0n && { oomScoreAdj: score.value }) },
    linux: { ...linux, resources: { ...linux.resources, ...resources, devices: linux.resources.devices } },
  }));
  [...notes, ...score.notes].forEach(parts.sayOnce);
}
