import { writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { BerthError } from '../../base';
import type { Spec } from '../../spec';
import type { ContainerRecord, ImageConfig } from '../../state';
import type { ContainerConfig } from '../../wire';
import type { CreateParts } from '../create-parts';
import type { CheckpointContents } from './contents';
import { criuConfig, criuConfigAnnotation } from './criu-config';
import type { OpenCheckpoint } from './open';
import type { SpecDump } from './read-dumps';

const op = 'CreateContainer';

/**
 * What a restored container has where the request says nothing: what it had, as if its image said so. Its processes have
 * all that already; execs and those who look at the container get it from here.
 */
export function restoredImage(image: ImageConfig, { process }: SpecDump, config: ContainerConfig): ImageConfig {
  return {
    ...image,
    user: `${process.user.uid}:${process.user.gid}`,
    // The name is the new pod's.
    env: process.env.filter((pair) => !pair.startsWith('HOSTNAME=')),
    ...(config.args.length === 0 && { entrypoint: process.args, cmd: [] }),
    workingDir: process.cwd,
  };
}

/** The spec of a container that CRIU restores: what it mounts has to fit, and CRIU gets a configuration. */
export async function restorableSpec(
  { kernel, paths }: Pick<CreateParts, 'kernel' | 'paths'>,
  { id, cgroupPath }: ContainerRecord,
  { object, spec: dump }: OpenCheckpoint,
  spec: Spec,
): Promise<Spec> {
  const mounts = restorableMounts(object, spec, dump);
  const file = join(paths(id).bundle, 'criu.conf');
  await writeFile(file, criuConfig(cgroupPath, kernel.facts.cgroup), { mode: 0o600 });
  return { ...spec, mounts, annotations: { ...spec.annotations, [criuConfigAnnotation]: file } };
}

/** @throws `argument-invalid` for stdio that the checkpoint's processes do not have: CRIU could not give it to them. */
export function checkStdio(
  object: string,
  config: ContainerConfig,
  { spec, pipedStdin }: Pick<CheckpointContents, 'spec' | 'pipedStdin'>,
): void {
  const had = { tty: spec.process.terminal, stdin: pipedStdin };
  const fields = had.tty ? (['tty'] as const) : (['tty', 'stdin'] as const);
  for (const field of fields) {
    if (config[field] === had[field]) continue;
    const detail = `config.${field} is ${config[field]}, and the checkpointed container had it ${had[field]}`;
    throw new BerthError('argument-invalid', { op, object, detail });
  }
}

/** What pod and configuration bring, whether or not it was asked for: a container that had none of it goes on without. */
const podFiles = new Set(['/etc/hostname', '/etc/resolv.conf', '/dev/shm', '/etc/localtime']);

/**
 * The mounts that the restored container has: CRIU mounts what was mounted, from the sources of the new spec, by destination.
 * @throws `container-mount` that names what only one of the two has.
 */
export function restorableMounts(object: string, { mounts }: Pick<Spec, 'mounts'>, dump: SpecDump): Spec['mounts'] {
  const had = new Set(dump.mounts.filter(isBind).map(placeOf));
  const bound = mounts.filter(isBind);
  const now = new Set(bound.map(placeOf));
  const missing = [...had].filter((place) => !now.has(place));
  if (missing.length > 0) {
    const detail = `the checkpointed container had mounts that the new one would not have: ${list(missing)}`;
    throw new BerthError('container-mount', { op, object, detail });
  }
  const added = [...now].filter((place) => !had.has(place));
  const asked = added.filter((place) => !podFiles.has(place));
  if (asked.length > 0) {
    const detail = `the checkpointed container had no mounts at ${list(asked)}, and a restore adds none`;
    throw new BerthError('container-mount', { op, object, detail });
  }
  return mounts.filter((mount) => !isBind(mount) || !added.includes(placeOf(mount)));
}

interface AnyMount {
  readonly destination: string;
  readonly type?: string | null | undefined;
  readonly options?: readonly string[] | null | undefined;
}

/** Whether something of the node is mounted. */
function isBind({ type, options }: AnyMount): boolean {
  return type === 'bind' || options?.includes('bind') === true || options?.includes('rbind') === true;
}

function placeOf({ destination }: AnyMount): string {
  return posix.resolve('/', destination);
}

function list(places: readonly string[]): string {
  const some = places.slice(0, 10).join(', ');
  return places.length > 10 ? `${some} and ${places.length - 10} more` : some;
}
