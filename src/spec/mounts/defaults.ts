import type { PodFiles } from '../input';
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

/** The pod's shared files. They are read-only where the root file system is. */
export function podFileMounts(files: PodFiles, readonlyRootfs: boolean): Mount[] {
  const mode = readonlyRootfs ? 'ro' : 'rw';
  const file = (path: string, source: string | undefined): Mount[] =>
    source === undefined ? [] : [mount(path, 'bind', source, 'rbind', 'rprivate', 'nosuid', 'nodev', 'noexec', mode)];
  return [
    ...(files.shm === undefined
      ? []
      : [mount('/dev/shm', 'bind', files.shm, 'rbind', 'rprivate', 'nosuid', 'nodev', 'noexec', 'rw')]),
    ...file('/etc/hostname', files.hostname),
    ...file('/etc/resolv.conf', files.resolvConf),
    ...file('/etc/hosts', files.hosts),
  ];
}

function mount(destination: string, type: string, source: string, ...options: string[]): Mount {
  return { destination, type, source, options };
}
