import { containerSpec, seccompRequest } from '../../src/spec';
import { baseCalls, callsByCapability } from '../../src/spec/seccomp/groups';
import { defaultProfile } from '../../src/spec/seccomp/default-profile';
import { localhostProfile } from '../../src/spec/seccomp/localhost';
import type { Seccomp } from '../../src/spec';
import { refusalOf, privilegedSandbox, secured, specInput } from './fixture';

type Context = Parameters<typeof secured>[0];
const contextOf = (context: Context) => specInput({ config: secured(context) }).config.linux?.securityContext;

describe('seccompRequest', () => {
  test.each<[string, Context, object]>([
    ['nothing', {}, { kind: 'unconfined' }],
    ['an empty profile', { seccomp: {} }, { kind: 'runtime-default' }],
    ['Unconfined', { seccomp: { profileType: 1 } }, { kind: 'unconfined' }],
    ['Localhost', { seccomp: { profileType: 2, localhostRef: '/p/a.json' } }, { kind: 'localhost', path: '/p/a.json' }],
    [
      'Localhost, old form',
      { seccomp: { profileType: 2, localhostRef: 'localhost//p' } },
      { kind: 'localhost', path: '/p' },
    ],
    ['privileged', { privileged: true, seccomp: {} }, { kind: 'unconfined' }],
    ['the deprecated default', { seccompProfilePath: 'runtime/default' }, { kind: 'runtime-default' }],
    ['docker’s name', { seccompProfilePath: 'docker/default' }, { kind: 'runtime-default' }],
    ['the deprecated unconfined', { seccompProfilePath: 'unconfined' }, { kind: 'unconfined' }],
    ['the deprecated localhost', { seccompProfilePath: 'localhost//p' }, { kind: 'localhost', path: '/p' }],
    [
      'the field over the path',
      { seccomp: { profileType: 1 }, seccompProfilePath: 'runtime/default' },
      { kind: 'unconfined' },
    ],
  ])('%s', (_name, context, expected) => {
    expect(seccompRequest('c1', contextOf(context))).toEqual(expected);
  });

  test('no security context is unconfined', () => {
    expect(seccompRequest('c1', undefined)).toEqual({ kind: 'unconfined' });
  });

  test.each<[Context, RegExp]>([
    [{ seccomp: { profileType: 2, localhostRef: 'a.json' } }, /not an absolute path/],
    [{ seccomp: { profileType: -1 } }, /profile_type -1/],
    [{ seccompProfilePath: 'localhost/a' }, /not an absolute path/],
    [{ seccompProfilePath: 'x' }, /no known kind/],
  ])('refuses %j', (context, message) => {
    expect(() => seccompRequest('c1', contextOf(context))).toThrow(message);
  });
});

/** What a profile does with a call, without arguments: the actions of all its rules. */
function rulesFor(profile: Seccomp, name: string) {
  return profile.syscalls.filter(({ names }) => names.includes(name));
}
const allows = (profile: Seccomp, name: string): boolean =>
  rulesFor(profile, name).some(({ action, args }) => action === 'SCMP_ACT_ALLOW' && !args);

describe('the default profile', () => {
  const plain = defaultProfile('x64', new Set());
  const admin = defaultProfile('arm64', new Set(['sys_admin']));

  test('denies with EPERM', () => {
    expect(plain).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1 });
  });
  test('covers the compat architectures', () => {
    expect(plain.architectures).toEqual(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32']);
    expect(admin.architectures).toEqual(['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']);
    expect(defaultProfile('riscv64', new Set()).architectures).toBeUndefined();
  });
  test.each(
    'read write openat2 execve futex clock_nanosleep_time64 epoll_pwait2 statx rseq socketpair ptrace'.split(' '),
  )('allows %s', (name) => {
    expect(allows(plain, name)).toBe(true);
  });
  test.each(
    `mount umount2 unshare setns bpf perf_event_open keyctl add_key request_key io_uring_setup userfaultfd kexec_load
    init_module reboot swapon iopl open_by_handle_at pivot_root chroot clock_settime syslog fsopen move_mount`.split(
      /\s+/,
    ),
  )('denies %s', (name) => {
    expect(rulesFor(plain, name)).toEqual([]);
  });
  test('without SYS_ADMIN clone is checked by its flags and clone3 does not exist', () => {
    expect(rulesFor(plain, 'clone')).toEqual([
      {
        names: ['clone'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
      },
    ]);
    expect(rulesFor(plain, 'clone3')).toEqual([{ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }]);
    expect(rulesFor(defaultProfile('s390x', new Set()), 'clone')[0]?.args?.[0]?.index).toBe(1);
  });
  test.each('clone clone3 unshare setns mount bpf'.split(' '))('with SYS_ADMIN %s is open', (name) => {
    expect(rulesFor(admin, name)).toHaveLength(1);
    expect(allows(admin, name)).toBe(true);
  });
  test('virtual machine sockets and odd personalities are not', () => {
    expect(rulesFor(plain, 'socket')).toEqual([
      { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 40, op: 'SCMP_CMP_NE' }] },
    ]);
    expect(rulesFor(plain, 'personality')).toHaveLength(5);
  });
  test('each call is listed once, and none both for all and by capability', () => {
    expect(new Set(baseCalls).size).toBe(baseCalls.length);
    const gated = [...callsByCapability.values()].flat();
    expect(gated.filter((name) => baseCalls.includes(name))).toEqual([]);
    expect([...baseCalls, ...gated].filter((name) => !/^[a-z_][a-z0-9_]+$/.test(name))).toEqual([]);
  });
  test('the capabilities that count are those that the container has', () => {
    const of = (context: Context) =>
      containerSpec(specInput({ config: secured({ seccomp: {}, ...context }), sandbox: { config: privilegedSandbox } }))
        .spec.linux.seccomp;
    expect(allows(of({ capabilities: { addCapabilities: ['SYS_ADMIN'] } })!, 'mount')).toBe(true);
    // The daemon of the fixture has no SYS_TIME to give.
    expect(allows(of({ capabilities: { addCapabilities: ['SYS_TIME'] } })!, 'settimeofday')).toBe(false);
    expect(of({ privileged: true })).toBeUndefined();
  });
});

describe('localhost profiles', () => {
  const target = { arch: 'x64', granted: new Set(['sys_admin', 'net_raw']), kernelRelease: '6.1.0-9-amd64' };
  const read = (profile: unknown, over: Partial<typeof target> = {}): Seccomp =>
    localhostProfile({ name: '/p/a.json', text: JSON.stringify(profile) }, { ...target, ...over });
  const one = (rule: object): number =>
    read({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['x'], action: 'SCMP_ACT_ALLOW', ...rule }] }).syscalls
      .length;

  test('OCI’s form is kept', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      architectures: ['SCMP_ARCH_X86_64'],
      flags: ['SECCOMP_FILTER_FLAG_LOG'],
      syscalls: [
        { names: ['chmod'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 },
        {
          names: ['clone'],
          action: 'SCMP_ACT_ALLOW',
          args: [{ index: 0, value: 1, valueTwo: 2, op: 'SCMP_CMP_MASKED_EQ' }],
        },
      ],
    };
    expect(read(profile)).toEqual(profile);
  });
  test('docker’s form is resolved', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      archMap: [
        { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] },
        { architecture: 'SCMP_ARCH_AARCH64' },
      ],
      syscalls: [
        { name: 'chmod', names: null, action: 'SCMP_ACT_ALLOW', args: [], comment: 'why', includes: {}, excludes: {} },
      ],
    };
    expect(read(profile)).toEqual({
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [{ names: ['chmod'], action: 'SCMP_ACT_ALLOW' }],
    });
    expect(read(profile, { arch: 'arm64' }).architectures).toEqual(['SCMP_ARCH_AARCH64']);
  });
  test.each([
    [{ includes: { caps: ['CAP_SYS_ADMIN'] } }, 1],
    [{ includes: { caps: ['CAP_SYS_ADMIN', 'CAP_SYS_TIME'] } }, 0],
    [{ includes: { arches: ['arm64', 'amd64'] } }, 1],
    [{ includes: { arches: ['arm64'] } }, 0],
    [{ includes: { minKernel: '4.8' } }, 1],
    [{ includes: { minKernel: '6.1' } }, 1],
    [{ includes: { minKernel: '6.2' } }, 0],
    [{ includes: { minKernel: '7.0' } }, 0],
    [{ excludes: { caps: ['CAP_SYS_ADMIN'] } }, 0],
    [{ excludes: { caps: ['CAP_SYS_TIME'] } }, 1],
    [{ excludes: { arches: ['amd64'] } }, 0],
    [{ excludes: { arches: ['s390x'] } }, 1],
    [{ excludes: { minKernel: '6.0' } }, 0],
    [{ excludes: { minKernel: '7.0' } }, 1],
  ])('%j keeps %s', (rule, kept) => {
    expect(one(rule)).toBe(kept);
  });
  test('a release that is not known is new enough', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [{ names: ['x'], action: 'SCMP_ACT_LOG', includes: { minKernel: '9.9' } }],
    };
    expect(read(profile, { kernelRelease: undefined }).syscalls).toHaveLength(1);
  });

  test.each([
    ['{', /not JSON/],
    ['[]', /a\.json.*the profile/],
    ['{}', /defaultAction/],
    ['{"defaultAction":"SCMP_ACT_NOTIFY"}', /SCMP_ACT_NOTIFY is not offered/],
    ['{"defaultAction":"ALLOW"}', /unknown action "ALLOW"/],
    ['{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":[1],"action":"SCMP_ACT_LOG"}]}', /syscalls\.0\.names\.0/],
    [
      '{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["x"],"action":"SCMP_ACT_LOG","args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}]}',
      /args\.0\.index/,
    ],
    [
      '{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["x"],"action":"SCMP_ACT_LOG","args":[{"index":0,"value":0,"op":"EQ"}]}]}',
      /args\.0\.op/,
    ],
    [
      '{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["x"],"action":"SCMP_ACT_LOG","includes":{"minKernel":"new"}}]}',
      /minKernel "new"/,
    ],
  ])('refuses %s', (text, message) => {
    expect(refusalOf(() => localhostProfile({ name: '/p/a.json', text }, target))).toMatchObject({
      code: 'argument-invalid',
      message: expect.stringMatching(message) as string,
    });
  });

  test('the container gets the file that was read', () => {
    const config = secured({ seccomp: { profileType: 2, localhostRef: '/p/a.json' } });
    const text = '{"defaultAction":"SCMP_ACT_ALLOW"}';
    expect(
      containerSpec(specInput({ config, seccompProfile: { name: '/p/a.json', text } })).spec.linux.seccomp,
    ).toEqual({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [],
    });
    expect(() => containerSpec(specInput({ config }))).toThrow(/was not read/);
  });
});
