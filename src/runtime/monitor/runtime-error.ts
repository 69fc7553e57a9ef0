import { BerthError, type ErrorCode } from '../../base';

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
    words: /OOM[- ]killed|memory limit too low|unable to set memory limit|cannot allocate memory/i,
    code: 'container-memory',
  },
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
      /error mounting|can't mask path|can't make .* read-only|reopening \/dev\/null|stat \/dev\/null|\bmount(ing)?\b.*\bto\b|mountpoint|\bmasked? path|remount/i,
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
