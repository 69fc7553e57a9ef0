import type { PodFiles, SpecDefaults } from '../input';
import type { Mount } from '../oci';

/** The file systems of every container (OCI config-linux.md, "Default Filesystems"). Privileged ones may write to /sys. */
export function defaultMounts(privileged: boolean): Mount[] {
  const sysMode = privileged ? 'rw' : 'ro';
  return [
    mount('/proc', 'proc', 'proc', 'nosuid', 'noexec', 'nodev'),
    mount('/dev', 'tmpfs', 'tmpfs', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
    mount('/dev/pts', 'devpts', 'devpts', 'nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'),
    mount('/dev/mqueue', 'mqueue', 'mqueue', 'nosuid', 'noexec', 'nodev'),
    mount('/sys', 'sysfs', 'sysfs', 'nosuid', 'noexec', 'nodev', sysMode),
    mount('/sys/fs/cgroup', 'cgroup', 'cgroup', 'nosuid', 'noexec', 'nodev', 'relatime', sysMode),
  ];
}

/** The pod's shared files, read-only where the root file system is, and the node's time zone, which nobody writes to. */
export function podFileMounts(files: PodFiles & Pick<SpecDefaults, 'localtime'>, readonlyRootfs: boolean): Mount[] {
  const mode = readonlyRootfs ? 'ro' : 'rw';
  const flags = ['rbind', 'rprivate', 'nosuid', 'nodev', 'noexec'];
  const file = (path: string, source: string | undefined): Mount[] =>
    source === undefined ? [] : [mount(path, 'bind', source, ...flags, mode)];
  return [
    ...(files.shm === undefined ? [] : [mount('/dev/shm', 'bind', files.shm, ...flags, 'rw')]),
    ...file('/etc/hostname', files.hostname),
    ...file('/etc/resolv.conf', files.resolvConf),
    ...file('/etc/hosts', files.hosts),
    ...(files.localtime === undefined ? [] : [mount('/etc/localtime', 'bind', files.localtime, ...flags, 'ro')]),
  ];
}

function mount(destination: string, type: string, source: string, ...options: string[]): Mount {
  return { destination, type, source, options };
}
