import { BerthError, isBerthError, type ErrorCode } from '../../base';

interface Mistake {
  /** How runc and crun say it. */
  readonly words: RegExp;
  readonly code: ErrorCode;
  readonly remedy?: string;
}

/**
 * What the OCI runtime refuses because of what the container or its image is, in the order in which it is looked for: a
 * message that speaks of memory is about that, whatever else failed for it. The text of the first colon on is the runtime's
 * (runc 1.1 to 1.3, crun 1.8 to 1.20).
 */
const mistakes: readonly Mistake[] = [
  {
    words: /OOM[- ]killed|memory limit (could be )?too low|unable to set memory limit|cannot allocate memory/i,
    code: 'container-memory',
  },
  { words: /seccomp/i, code: 'container-seccomp' },
  {
    words: /apparmor|selinux|\/attr\/(exec|keycreate)/i,
    code: 'argument-invalid',
    remedy: 'use an AppArmor profile or an SELinux label that this node has',
  },
  { words: /\bset(groups|up user)\b/i, code: 'container-user' },
  {
    // A write to a file of a controller; which processes are in a cgroup is not the container's affair.
    words:
      /(\/sys\/fs\/cgroup\/[^ ]*\/|(writ|open)ing file `)(cpu|cpuset|memory|hugetlb|io|pids)\.[^ ]+( for writing)?: (invalid argument|numerical result out of range|permission denied|no such file)|set hugetlb limit|unified resource/i,
    code: 'container-limits',
  },
  { words: /cannot start a container that has stopped/i, code: 'container-state' },
  {
    words: /\b(chdir|cwd)\b|container init: mkdir /i,
    code: 'container-command',
    remedy: 'use a working_dir that is a folder, and that the container’s user may enter',
  },
  {
    words: /argument list too long/i,
    code: 'container-command',
    remedy: 'make command, args and envs shorter: the kernel takes 128 KiB of each, and a limited sum of all',
  },
  {
    words:
      /\bexec(utable)?\b.*(not found|no such file|permission denied|is a directory|not a directory|exec format error|too long|invalid argument|too many levels)/is,
    code: 'container-command',
  },
  {
    words: /creating device nodes|\b(mknod|device node)\b/i,
    code: 'container-mount',
    remedy: 'correct the container_path of the device',
  },
  {
    words:
      /error mounting|error stat'ing file|\b(mkdir|open|openat2) `[^`]*`: (no such file|not a directory|is a directory|too many levels|file (name too long|exists))|can't mask path|can't make .* read-only|reopening \/dev\/null|stat \/dev\/null|\bmount(ing)?\b.*\bto\b|mountpoint|\bmasked? path|remount/i,
    code: 'container-mount',
  },
];

/** The error of a message of the OCI runtime: its words are kept, for the kubelet and people look for them. */
export function runtimeError(op: string, object: string, message: string): BerthError {
  const mistake = mistakes.find(({ words }) => words.test(message));
  return new BerthError(mistake?.code ?? 'runtime-failed', {
    op,
    object,
    detail: message,
    ...(mistake?.remedy && { remedy: mistake.remedy }),
  });
}

/** Whether the error is the runtime's refusal, in its words; that of a monitor for the state of its container is not. */
export function isRuntimeRefusal(error: unknown): error is BerthError {
  const codes = mistakes.map(({ code }) => code).filter((code) => code !== 'container-state');
  return isBerthError(error, 'runtime-failed', ...codes);
}
