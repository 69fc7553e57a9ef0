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
  ['runtime-failed', 'error executing hook `/bin/sh` (exit code: 1)'],
];

test.each(messages)('%s is what %s says, in these words', (code, message) => {
  expect(runtimeError('create', 'container c', message)).toMatchObject({
    code,
    detail: message,
    object: 'container c',
  });
});
