import { lstat, readdir, stat } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { BerthError, deviceNumbers, errnoOf, messageOf } from '../base';
import type { DeviceNode } from '../spec';
import type { ContainerConfig, Device } from '../wire';

/** Parts of /dev that are file systems of their own or belong to one terminal. */
const notDevices = new Set(['pts', 'shm', 'mqueue', 'fd', 'console', 'ptmx', 'lxd', '.lxc', '.lxd-mounts', '.udev']);

/**
 * The device nodes that every container has and those that this one asks for, which win at the same path; all of the
 * host's for a privileged one.
 */
export async function resolveDevices(
  config: ContainerConfig,
  additional: readonly Device[],
): Promise<readonly DeviceNode[]> {
  if (config.linux?.securityContext?.privileged) return hostDevices('/dev');
  const nodes = (await Promise.all([...additional, ...config.devices].map(resolveDevice))).flat();
  return [...new Map(nodes.map((node) => [node.path, node])).values()];
}

/** CRI Device: a node, or a folder whose nodes are all given. */
async function resolveDevice(device: Device): Promise<DeviceNode[]> {
  const { hostPath, containerPath, permissions } = device;
  const fail = (detail: string, cause?: unknown) =>
    new BerthError('argument-invalid', { op: 'CreateContainer', object: `device ${hostPath}`, detail, cause });
  if (!/^[rwm]*$/.test(permissions))
    throw fail(`permissions ${JSON.stringify(permissions)} are not made of r, w and m`);
  if (!isAbsolute(hostPath)) throw fail('its host_path is not absolute');
  let stats: BigIntStats;
  try {
    stats = await stat(hostPath, { bigint: true });
  } catch (error) {
    throw fail(errnoOf(error) ?? messageOf(error), error);
  }
  const target = containerPath || hostPath;
  const node = deviceNode(target, stats, permissions || 'rwm');
  if (node) return [node];
  if (!stats.isDirectory()) throw fail('it is no device');
  return (await hostDevices(hostPath)).map((each) => ({
    ...each,
    path: join(target, relative(hostPath, each.path)),
    access: permissions || 'rwm',
  }));
}

/** A folder of devices is /dev or a part of it; whoever names /proc means something else. */
const mostEntries = 16_384;

async function hostDevices(root: string, folder = root, walked = { entries: 0 }): Promise<DeviceNode[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  walked.entries += entries.length;
  if (walked.entries > mostEntries) {
    const detail = `more than ${mostEntries} files are below it: it is no folder of devices`;
    throw new BerthError('argument-invalid', { op: 'CreateContainer', object: `device ${root}`, detail });
  }
  const found = await Promise.all(
    entries.map(async (entry): Promise<DeviceNode[]> => {
      if (notDevices.has(entry.name)) return [];
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return hostDevices(root, path, walked);
      if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
      const node = deviceNode(path, await lstat(path, { bigint: true }), 'rwm');
      return node ? [node] : [];
    }),
  );
  return found.flat();
}

/** The node under the path, as stat found it; undefined for what is no device. */
export function deviceNode(path: string, stats: BigIntStats, access: string): DeviceNode | undefined {
  if (!stats.isCharacterDevice() && !stats.isBlockDevice()) return undefined;
  return {
    path,
    type: stats.isBlockDevice() ? 'b' : 'c',
    ...deviceNumbers(stats.rdev),
    mode: Number(stats.mode & 0o777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    access,
  };
}
