import { z } from 'zod';
import { atLeast, BerthError, messageOf, parseVersion } from '../../base';
import type { SeccompProfileFile } from '../input';
import { seccompActions, seccompOperators, type Seccomp, type SeccompRule } from '../oci';
import { plainName } from '../security/capability-names';

const action = z.enum(seccompActions, {
  error: ({ input }) =>
    input === 'SCMP_ACT_NOTIFY' ? 'SCMP_ACT_NOTIFY is not offered' : `unknown action ${JSON.stringify(input)}`,
});
const errno = z.number().int().min(0).max(4095);
const uint64 = z.number().int().min(0);

const conditions = z.object({
  caps: z.array(z.string()).nullish(),
  arches: z.array(z.string()).nullish(),
  minKernel: z.string().nullish(),
});

const rule = z.object({
  name: z.string().optional(),
  names: z.array(z.string()).nullish(),
  action,
  errnoRet: errno.nullish(),
  args: z
    .array(
      z.object({
        index: z.number().int().min(0).max(5),
        value: uint64,
        valueTwo: uint64.nullish(),
        op: z.enum(seccompOperators),
      }),
    )
    .nullish(),
  includes: conditions.nullish(),
  excludes: conditions.nullish(),
});

/** Docker's profile format, of which OCI's is the part without archMap, includes and excludes. */
const profile = z.object({
  defaultAction: action,
  defaultErrnoRet: errno.nullish(),
  architectures: z.array(z.string().regex(/^SCMP_ARCH_\w+$/)).nullish(),
  archMap: z.array(z.object({ architecture: z.string(), subArchitectures: z.array(z.string()).nullish() })).nullish(),
  flags: z.array(z.string().regex(/^SECCOMP_FILTER_FLAG_\w+$/)).nullish(),
  syscalls: z.array(rule).nullish(),
});

/** What includes and excludes are compared with. */
export interface ProfileTarget {
  /** Node's name of the architecture. */
  readonly arch: string;
  /** Plain lower-case capabilities of the container. */
  readonly granted: ReadonlySet<string>;
  readonly kernelRelease?: string;
}

/** Names of architectures: Node's, Go's (as includes.arches has them) and libseccomp's. */
const archNames: Readonly<Record<string, { go: string; scmp: string }>> = {
  x64: { go: 'amd64', scmp: 'SCMP_ARCH_X86_64' },
  arm64: { go: 'arm64', scmp: 'SCMP_ARCH_AARCH64' },
  ppc64: { go: 'ppc64le', scmp: 'SCMP_ARCH_PPC64LE' },
  riscv64: { go: 'riscv64', scmp: 'SCMP_ARCH_RISCV64' },
  s390x: { go: 's390x', scmp: 'SCMP_ARCH_S390X' },
};

/**
 * Parses a Localhost profile and keeps the rules that hold for this container.
 * @throws `argument-invalid` that names the file and the key.
 */
export function localhostProfile(file: SeccompProfileFile, target: ProfileTarget): Seccomp {
  const parsed = profile.safeParse(parseJson(file));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(file, `${issue?.path.join('.') || 'the profile'}: ${issue?.message ?? 'not a profile'}`);
  }
  const { defaultAction, defaultErrnoRet, architectures, archMap, flags, syscalls } = parsed.data;
  const native = archNames[target.arch];
  const mapped = archMap?.find(({ architecture }) => architecture === native?.scmp);
  const all = mapped ? [mapped.architecture, ...(mapped.subArchitectures ?? [])] : (architectures ?? []);
  return {
    defaultAction,
    defaultErrnoRet: defaultErrnoRet ?? undefined,
    ...(all.length > 0 && { architectures: all }),
    ...(flags?.length && { flags }),
    syscalls: (syscalls ?? []).filter((entry) => holds(file, entry, target)).map(toRule),
  };
}

function holds(
  file: SeccompProfileFile,
  { includes, excludes }: z.output<typeof rule>,
  target: ProfileTarget,
): boolean {
  const has = (capability: string): boolean => target.granted.has(plainName(capability));
  const here = (arch: string): boolean => arch === archNames[target.arch]?.go;
  const newEnough = (version: string): boolean => runsSince(file, target.kernelRelease, version);
  if (includes?.caps?.length && !includes.caps.every(has)) return false;
  if (includes?.arches?.length && !includes.arches.some(here)) return false;
  if (includes?.minKernel && !newEnough(includes.minKernel)) return false;
  if (excludes?.caps?.some(has) || excludes?.arches?.some(here)) return false;
  return !(excludes?.minKernel && newEnough(excludes.minKernel));
}

function toRule({ name, names, action, errnoRet, args }: z.output<typeof rule>): SeccompRule {
  return {
    names: [...(name ? [name] : []), ...(names ?? [])],
    action,
    errnoRet: errnoRet ?? undefined,
    ...(args?.length && {
      args: args.map(({ valueTwo, ...rest }) => ({ ...rest, valueTwo: valueTwo ?? undefined })),
    }),
  };
}

function runsSince(file: SeccompProfileFile, release: string | undefined, wanted: string): boolean {
  const minimum = parseVersion(wanted);
  if (minimum === undefined) throw invalid(file, `minKernel ${JSON.stringify(wanted)} is not <major>.<minor>`);
  const running = parseVersion(release ?? '');
  return running === undefined || atLeast(running, minimum);
}

function parseJson(file: SeccompProfileFile): unknown {
  try {
    return JSON.parse(file.text);
  } catch (error) {
    throw invalid(file, `not JSON: ${messageOf(error)}`);
  }
}

function invalid(file: SeccompProfileFile, detail: string): BerthError {
  return new BerthError('argument-invalid', { op: 'read the seccomp profile', object: file.name, detail });
}
