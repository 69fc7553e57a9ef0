import type { Seccomp, SeccompRule } from '../oci';
import { baseCalls, callsByCapability } from './groups';

const EPERM = 1;
const ENOSYS = 38;
const AF_VSOCK = 40;

/** CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET,TIME} of clone(2); NEWTIME (0x80) is clone3's alone: the bits are a signal's here. */
const newNamespaces = 0x7e020000;

/** personality(2): Linux, 32-bit addresses or UNAME26, both, and asking what it is. */
const personalities = [0x0, 0x0008, 0x20000, 0x20008, 0xffffffff];

const architectures: Readonly<Record<string, readonly string[]>> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};

/**
 * RuntimeDefault: what is not listed is EPERM. New namespaces need CAP_SYS_ADMIN: clone is checked by its flags, clone3
 * hides them in memory, so it does not exist (ENOSYS makes libc fall back to clone).
 * @param arch Node's name of the architecture; one that is not known gets its native calls only.
 * @param granted plain lower-case capabilities of the container.
 */
export function defaultProfile(arch: string, granted: ReadonlySet<string>): Seccomp {
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    ...(architectures[arch] && { architectures: architectures[arch] }),
    syscalls: [
      { names: baseCalls, action: 'SCMP_ACT_ALLOW' },
      ...personalities.map((value) => allowIf('personality', 'SCMP_CMP_EQ', value)),
      // Virtual machine sockets reach the hypervisor past every network namespace (32-bit socketcall hides it).
      allowIf('socket', 'SCMP_CMP_NE', AF_VSOCK),
      ...byCapability(granted),
      ...(granted.has('sys_admin') ? [] : withoutNewNamespaces(arch)),
    ],
  };
}

function byCapability(granted: ReadonlySet<string>): SeccompRule[] {
  const names = new Set([...granted].flatMap((capability) => callsByCapability.get(capability) ?? []));
  return names.size === 0 ? [] : [{ names: [...names], action: 'SCMP_ACT_ALLOW' }];
}

function withoutNewNamespaces(arch: string): SeccompRule[] {
  // On s390 the flags are the second argument (clone(2), "C library/kernel differences").
  const index = arch === 's390x' ? 1 : 0;
  return [
    {
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index, value: newNamespaces, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    },
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
  ];
}

function allowIf(name: string, op: 'SCMP_CMP_EQ' | 'SCMP_CMP_NE', value: number): SeccompRule {
  return { names: [name], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value, op }] };
}
