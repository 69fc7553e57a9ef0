import { basename } from 'node:path';
import { BerthError, messageOf, type Log } from '../base';
import type { Config } from '../config';
import type { Kernel } from '../kernel';
import { cgroupParentPlace, type CgroupDriver, type CgroupPlace, slicePath } from '../spec';
import type { SandboxRecord } from '../state';
import type { PodSandboxConfig } from '../wire';

/** How pods' cgroups are made on this machine. */
export interface CgroupSettings {
  readonly driver: CgroupDriver;
  /** Where pods go whose config names no cgroup parent: a path, or a slice. */
  readonly parent: string;
}

/** What a sandbox's record says of its cgroup. */
export type PodCgroup = Pick<SandboxRecord, 'cgroupParent' | 'cgroupDriver' | 'ownsCgroup' | 'cgroupTop'>;

const op = 'start';

/**
 * The settings that the configuration and the machine make up; `own` is the name of this root's cgroups.
 * @throws `config-invalid` for a driver that this machine has not, or a cgroup parent of the other one's kind.
 */
export function cgroupSettings(config: Config['runtime'], systemd: boolean, own: string): CgroupSettings {
  const { cgroup_driver: wanted, cgroup_parent: given } = config;
  if (wanted === 'systemd' && !systemd) {
    throw new BerthError('config-invalid', {
      op,
      object: 'runtime.cgroup_driver',
      detail: 'it is systemd, and systemd does not run here: there is no /run/systemd/system',
      remedy: 'use "cgroupfs" or "auto"',
    });
  }
  const driver = wanted === 'auto' ? (systemd ? 'systemd' : 'cgroupfs') : wanted;
  const parent = given || (driver === 'systemd' ? `${own}.slice` : `/${own}`);
  const fits = driver === 'systemd' ? slicePath(parent) !== undefined : parent.startsWith('/');
  if (!fits) {
    throw new BerthError('config-invalid', {
      op,
      object: 'runtime.cgroup_parent',
      detail: `it is ${JSON.stringify(parent)}, and the cgroup driver ${driver}`,
      remedy: driver === 'systemd' ? 'name a slice, e.g. "pods.slice"' : 'give an absolute path, e.g. "/pods"',
    });
  }
  return { driver, parent };
}

/**
 * Where a pod's containers go: the parent that its config names, else a cgroup of its own.
 * @throws `argument-invalid` for a parent of the other driver's kind.
 */
export function planPodCgroup({ driver, parent }: CgroupSettings, config: PodSandboxConfig, id: string): PodCgroup {
  const given = config.linux?.cgroupParent ?? '';
  const pod = config.metadata ? `pod ${config.metadata.namespace}/${config.metadata.name}` : 'pod';
  const subject = { op: 'RunPodSandbox', object: pod, field: 'config.linux.cgroup_parent' };
  const { path, cgroupDriver } = cgroupParentPlace(given || ownCgroup(driver, parent, id), driver, subject);
  return { cgroupParent: path, ...(cgroupDriver && { cgroupDriver }), ownsCgroup: given === '' };
}

/**
 * The plan, and what of its path is berth's to remove with the pod: what nobody has made yet, and what another pod's
 * record says that berth made. To be written before it is made; only what is empty is ever removed.
 */
export async function claimPodCgroup(kernel: Kernel, cgroup: PodCgroup, pods: Iterable<PodCgroup>): Promise<PodCgroup> {
  if (cgroup.cgroupDriver) return cgroup;
  const { cgroupParent } = cgroup;
  const tops = [...pods]
    .filter(({ ownsCgroup, cgroupDriver }) => ownsCgroup && !cgroupDriver)
    .map((pod) => pod.cgroupTop ?? pod.cgroupParent)
    .filter((top) => isWithin(cgroupParent, top));
  const missing = await kernel.missingCgroup(cgroupParent);
  const [cgroupTop] = [...tops, ...(missing === undefined ? [] : [missing])].sort((a, b) => a.length - b.length);
  return cgroupTop === undefined ? cgroup : { ...cgroup, ownsCgroup: true, cgroupTop };
}

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

function ownCgroup(driver: CgroupDriver, parent: string, id: string): string {
  const short = id.slice(0, 16);
  if (driver === 'cgroupfs') return `${parent}/pod-${short}`;
  // A dash goes one slice deeper; in the root slice there is none to go before it.
  return `${parent.slice(0, -'.slice'.length)}-pod${short}.slice`.replace(/^-+/, '');
}

/** The pod's cgroup, as the place of its containers. */
export function podCgroup({ cgroupParent, cgroupDriver }: PodCgroup): CgroupPlace {
  return { path: cgroupParent, ...(cgroupDriver && { cgroupDriver }) };
}

/** Makes the pod's cgroup. systemd makes a slice with the first scope in it. */
export async function makePodCgroup(kernel: Kernel, cgroup: PodCgroup): Promise<void> {
  if (!cgroup.cgroupDriver) await kernel.createCgroup(cgroup.cgroupParent);
}

/** How long systemd may take to forget an empty slice. */
const stopSliceMs = 10_000;

/** Removes the pod's cgroup if it is the pod's own, with the empty folders above it that are. A slice that stays is empty: it is told, and is no reason to keep the pod. */
export async function removePodCgroup(kernel: Kernel, cgroup: PodCgroup, log: Log): Promise<void> {
  if (!cgroup.ownsCgroup) return;
  if (!cgroup.cgroupDriver) return kernel.removeEmptyCgroup(cgroup.cgroupParent, cgroup.cgroupTop);
  const slice = basename(cgroup.cgroupParent);
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin' };
  try {
    const result = await kernel.run({ path: 'systemctl', args: ['stop', slice], env, timeoutMs: stopSliceMs });
    if (result.exitCode !== 0)
      log.warn({ slice }, `the slice of a pod stays: ${result.stderr.toString('utf8').trim()}`);
  } catch (error) {
    log.warn({ err: error, slice }, `the slice of a pod stays: ${messageOf(error)}`);
  }
}
