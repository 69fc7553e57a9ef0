import { posix } from 'node:path';
import type { DeviceNode } from './input';
import type { Device, DeviceRule } from './oci';
import { pathProblem } from './path-problem';
import { refuseContainer } from './refuse';

export interface Devices {
  readonly nodes: readonly Device[];
  readonly rules: readonly DeviceRule[];
}

/** The device nodes beside the runtime's own (null, zero, tty …), and the device cgroup: all or what is listed. */
export function containerDevices(id: string, devices: readonly DeviceNode[], privileged: boolean): Devices {
  const { nodes, rules } = deviceNodes(id, devices);
  return privileged
    ? { nodes, rules: [{ allow: true, access: 'rwm' }] }
    : { nodes, rules: [{ allow: false, access: 'rwm' }, ...rules] };
}

/** The nodes, and the rule of the device cgroup that each needs. */
export function deviceNodes(id: string, devices: readonly DeviceNode[]): Devices {
  const nodes = devices.map(({ path, type, major, minor, mode, uid, gid }) => {
    if (!path.startsWith('/'))
      throw refuseContainer(id, `device ${JSON.stringify(path.slice(0, 200))}: container_path is not absolute`);
    const problem = posix.normalize(path) === '/' ? 'is the root' : pathProblem(path);
    if (problem) throw refuseContainer(id, `device ${JSON.stringify(path.slice(0, 200))}: container_path ${problem}`);
    return { path, type, major, minor, fileMode: mode & 0o7777, uid, gid };
  });
  return { nodes, rules: devices.flatMap((device) => rule(id, device)) };
}

function rule(id: string, { path, type, major, minor, access }: DeviceNode): DeviceRule[] {
  if (!/^[rwm]{1,3}$/.test(access)) {
    throw refuseContainer(id, `device ${path}: permissions ${JSON.stringify(access)} are not of r, w and m`);
  }
  // Pipes are no devices to the cgroup; `u` is the old name of a character device.
  return type === 'p' ? [] : [{ allow: true, type: type === 'b' ? 'b' : 'c', major, minor, access }];
}
