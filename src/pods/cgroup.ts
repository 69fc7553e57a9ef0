import { BerthError } from '../base';
import type { Config } from '../config';
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
