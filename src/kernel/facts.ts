import { access, readdir, readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { errnoOf } from '../base';
import { cgroupLayout, type Hierarchy, readHierarchies } from './hierarchies';
import type { KernelFacts } from './kernel';

/** Numbers of <linux/capability.h>, in order. */
const capabilities = [
  'chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service',
  'net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin',
  'sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override',
  'mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore',
].flatMap((line) => line.split(' '));

/** The names in a mask of capabilities (hexadecimal, as in /proc/<pid>/status); those newer than this table are left out. */
export function parseCapabilities(mask: string): string[] {
  const bits = BigInt(`0x${mask}`);
  return capabilities.filter((_, number) => (bits >> BigInt(number)) & 1n);
}

/** The hard limits in a text like /proc/self/limits, by names as setrlimit(2) has them without RLIMIT_; those that are unlimited are left out. */
export function parseHardLimits(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(limitTitles).flatMap(([name, title]) => {
      const hard = new RegExp(`^${title} +\\S+ +(\\d+)`, 'm').exec(text)?.[1];
      return hard === undefined ? [] : [[name, Number(hard)] as const];
    }),
  );
}

/** What /proc/<pid>/limits calls them. */
const limitTitles = {
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  locks: 'Max file locks',
  memlock: 'Max locked memory',
  msgqueue: 'Max msgqueue size',
  nice: 'Max nice priority',
  nofile: 'Max open files',
  nproc: 'Max processes',
  rss: 'Max resident set',
  rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout',
  sigpending: 'Max pending signals',
  stack: 'Max stack size',
};

/** Reads what this process may do and what this kernel offers. */
export async function readFacts(): Promise<KernelFacts> {
  const [status, limits, score, bootId, hierarchies, systemd] = await Promise.all([
    readFile('/proc/self/status', 'utf8'),
    readFile('/proc/self/limits', 'utf8'),
    readFile('/proc/self/oom_score_adj', 'utf8'),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    readHierarchies(),
    isThere('/run/systemd/system'),
  ]);
  return {
    boundingCapabilities: parseCapabilities(/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'),
    cgroup: cgroupLayout(hierarchies),
    ...(await readControllers(hierarchies)),
    systemd,
    hardLimits: parseHardLimits(limits),
    oomScoreAdj: Number(score.trim()),
    bootId: bootId.trim(),
    release: release(),
  };
}

/**
 * v1 names its controllers as mount options, v2 in a file of its root. A hybrid's v2 has those that v1 has not taken, but
 * OCI runtimes use v1 alone there: they are left out.
 */
export async function readControllers(
  hierarchies: readonly Hierarchy[],
): Promise<Pick<KernelFacts, 'controllers' | 'swapAccounting'>> {
  const hybrid = cgroupLayout(hierarchies) === 'hybrid';
  const names = await Promise.all(
    hierarchies.map(async ({ version, dir, controllers }) => {
      if (version === 1) return controllers;
      return hybrid ? [] : (await readFile(join(dir, 'cgroup.controllers'), 'utf8')).split(/\s+/).filter(Boolean);
    }),
  );
  return { controllers: names.flat(), swapAccounting: await countsSwap(hierarchies) };
}

/** A kernel may be booted without it: then the file is in no group. v2's root has no limits at all, its children tell. */
async function countsSwap(hierarchies: readonly Hierarchy[]): Promise<boolean> {
  const memory = hierarchies.find(({ version, controllers }) => version === 1 && controllers.includes('memory'));
  if (memory) return isThere(join(memory.dir, 'memory.memsw.limit_in_bytes'));
  const unified = hierarchies.find(({ version }) => version === 2);
  if (!unified) return false;
  for (const child of await readdir(unified.dir, { withFileTypes: true })) {
    const dir = join(unified.dir, child.name);
    if (child.isDirectory() && (await isThere(join(dir, 'memory.max')))) return isThere(join(dir, 'memory.swap.max'));
  }
  return true;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
