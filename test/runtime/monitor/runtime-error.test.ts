import { runtimeError } from '../../../src/runtime/monitor/runtime-error';

/** As runc 1.1 and crun say them. */
const messages: readonly (readonly [string, string])[] = [
  [
    'container-command',
    'runc create failed: unable to start container process: exec: "x": executable file not found in $PATH',
  ],
  ['container-command', 'unable to start container process: exec: "/x": stat /x: no such file or directory'],
  ['container-command', 'unable to start container process: exec: "/etc": is a directory'],
  ['container-command', 'exec failed: unable to start container process: exec: "/etc/passwd": permission denied'],
  ['container-command', 'exec /run.sh: exec format error'],
  ['container-command', 'exec /bin/true: argument list too long'],
  ['container-command', 'executable file `x` not found in $PATH: No such file or directory'],
  ['container-command', 'open executable: Permission denied'],
  [
    'container-command',
    'unable to start container process: chdir to cwd ("/root") set in config.json failed: permission denied',
  ],
  ['container-memory', 'unable to start container process: container init was OOM-killed (memory limit too low?)'],
  ['container-memory', 'OOM: the memory limit could be too low: read from sync socket: Connection reset by peer'],
  [
    'container-memory',
    'error setting cgroup config for procHooks process: unable to set memory limit to 4096 (current usage: 2084864, peak usage: 2461696)',
  ],
  [
    'container-limits',
    'error setting cgroup config for procHooks process: failed to write "80000": write /sys/fs/cgroup/cpu/p/c/cpu.cfs_quota_us: invalid argument',
  ],
  [
    'container-limits',
    'unable to apply cgroup configuration: failed to write "7": write /sys/fs/cgroup/cpuset/p/c/cpuset.cpus: numerical result out of range',
  ],
  ['container-limits', 'writing file `cpu.cfs_quota_us`: Invalid argument'],
  ['container-limits', 'opening file `hugetlb.3MB.limit_in_bytes` for writing: No such file or directory'],
  ['container-limits', 'cannot set hugetlb limit: container could not join or create cgroup'],
  [
    'container-seccomp',
    'unable to start container process: error creating seccomp syscall condition for syscall read: syscalls only have up to 6 arguments (9 given)',
  ],
  ['container-seccomp', 'unknown seccomp option SECCOMP_FILTER_FLAG_BOGUS'],
  ['container-state', 'cannot start a container that has stopped'],
  ['container-user', 'unable to start container process: unable to setup user: setgroups: invalid argument'],
  ['container-user', 'setgroups: Invalid argument'],
  [
    'argument-invalid',
    'error during container init: unable to apply apparmor profile: apparmor failed to apply profile: write /proc/self/attr/exec: invalid argument',
  ],
  ['argument-invalid', 'selinux label is specified in config, but selinux is disabled or not supported'],
  ['argument-invalid', 'write to `/proc/self/attr/keycreate`: Invalid argument'],
  ['container-mount', 'mkdir `/proc/self/x`: No such file or directory'],
  ['container-mount', "error stat'ing file `/no/such`: No such file or directory"],
  ['container-mount', 'openat2 `loop`: Too many levels of symbolic links'],
  ['container-command', 'chdir `/etc/passwd/x`: Not a directory'],
  ['container-command', 'open executable: Too many levels of symbolic links'],
  [
    'container-mount',
    'unable to start container process: error during container init: error mounting "/a" to rootfs at "/etc/passwd": mount /a:/etc/passwd (via /proc/self/fd/6), flags: 0x5000: not a directory',
  ],
  ['container-mount', 'mount `/a` to `etc/passwd`: Not a directory'],
  ['container-mount', 'error during container init: error creating device nodes: mkdir /x/etc/passwd: not a directory'],
  ['container-command', 'error during container init: mkdir /sys/x: read-only file system'],
  [
    'container-mount',
    'error during container init: error reopening /dev/null inside container: open /dev/null: is a directory',
  ],
  ['runtime-failed', 'unable to apply cgroup configuration: mkdir /sys/fs/cgroup/x: read-only file system'],
  ['runtime-failed', 'failed to write 42: write /sys/fs/cgroup/pids/p/cgroup.procs: device or resource busy'],
  ['runtime-failed', 'read from the init process'],
  ['runtime-failed', 'error opening file `/run/berth/runtime/crun/c/status`: No such file or directory'],
  ['runtime-failed', 'error executing hook `/bin/sh` (exit code: 1)'],
];

test.each(messages)('%s is what %s says, in these words', (code, message) => {
  expect(runtimeError('create', 'container c', message)).toMatchObject({
    code,
    detail: message,
    object: 'container c',
  });
});
