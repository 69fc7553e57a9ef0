import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  containerSpec,
  infraSpec,
  processSpec,
  resolveUser,
  userRequest,
  type HostFacts,
  type Spec,
} from '../../src/spec';
import { capabilityNames } from '../../src/spec/security/capability-names';
import { privilegedSandbox, secured, specInput } from './fixture';

// What the specs say is only true if the runtime and the kernel take it so: every case here is a real container.

type Over = NonNullable<Parameters<typeof specInput>[0]>;

const applets =
  'sh cat chroot grep id ls mkdir mount sleep touch true unshare hostname stat env pwd readlink kill'.split(' ');
const passwd = 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\n';
const group = 'root:x:0:\nvideo:x:44:app\n';

let folder: string;
let rootfs: string;
let pod: ChildProcess;
let machine: HostFacts;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'berth-spec-'));
  rootfs = makeRootfs('rootfs');
  machine = readFacts();
  // The pod: a process that holds namespaces, as the pins of a sandbox do.
  pod = spawn('unshare', ['-n', '-i', '-u', 'sh', '-c', 'hostname pod-host && echo ready && exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(pod.stdout!, 'data');
});

afterAll(async () => {
  pod.kill('SIGKILL');
  await once(pod, 'exit');
  const left = runc('list', '-q').stdout;
  rmSync(folder, { recursive: true });
  expect(left).toBe('');
});

function makeRootfs(name: string): string {
  const root = join(folder, name);
  for (const dir of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'data', 'root'])
    mkdirSync(join(root, dir), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  for (const applet of applets) symlinkSync('busybox', join(root, 'bin', applet));
  writeFileSync(join(root, 'etc/passwd'), passwd);
  writeFileSync(join(root, 'etc/group'), group);
  return root;
}

function readFacts(): HostFacts {
  const status = readFileSync('/proc/self/status', 'utf8');
  const bounding = BigInt(`0x${/CapBnd:\s*(\w+)/.exec(status)?.[1]}`);
  const names = [...capabilityNames].filter((_name, number) => (bounding >> BigInt(number)) & 1n);
  const filesystem = execFileSync('stat', ['-f', '-c', '%T', '/sys/fs/cgroup'], { encoding: 'utf8' }).trim();
  return {
    boundingCapabilities: names,
    oomScoreAdj: Number(readFileSync('/proc/self/oom_score_adj', 'utf8')),
    hasSysResource: names.includes('sys_resource'),
    cgroup: filesystem === 'cgroup2fs' ? 'v2' : 'hybrid',
    recursiveReadOnlyMounts: true,
  };
}

function input(over: Over): ReturnType<typeof specInput> {
  const ns = (type: string): string => `/proc/${pod.pid}/ns/${type}`;
  const id = `berth-spec-${randomBytes(6).toString('hex')}`;
  return specInput({
    id,
    rootfsPath: rootfs,
    cgroupPath: `/${id}`,
    ...over,
    facts: { ...machine, arch: undefined, ...over.facts },
    sandbox: { netns: ns('net'), ipcns: ns('ipc'), utsns: ns('uts'), hostname: 'pod-host', ...over.sandbox },
  });
}

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runc(...args: string[]): Result {
  return spawnSync('runc', ['--root', join(folder, 'state'), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
}

function bundle(id: string, spec: Spec): string {
  const path = join(folder, id);
  mkdirSync(path);
  writeFileSync(join(path, 'config.json'), JSON.stringify(spec));
  return path;
}

/** Runs a shell script in a container of its own and gives what it did. */
function run(script: string, over: Over = {}): Result {
  const made = input({ ...over, config: { command: ['sh', '-c', script], ...over.config } });
  const { spec } = containerSpec(made);
  return runc('run', '--bundle', bundle(made.id, spec), made.id);
}

const status = 'grep -E "^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):" /proc/self/status';

function field(result: Result, name: string): string {
  const value = new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(result.stdout)?.[1];
  if (value === undefined) throw new Error(`no ${name} in ${JSON.stringify(result)}`);
  return value;
}

/** The mask of a list of capabilities by number. */
const mask = (...numbers: number[]): string =>
  numbers
    .reduce((sum, number) => sum | (1n << BigInt(number)), 0n)
    .toString(16)
    .padStart(16, '0');
const usual = mask(0, 1, 3, 4, 5, 6, 7, 8, 10);

test('a bare container: the usual capabilities, masked and read-only paths, the pod’s namespaces', () => {
  const result = run(
    `${status}; id; hostname; pwd; echo "$HOSTNAME $HOME"; ls /sys/firmware | grep -c .; cat /proc/interrupts | grep -c .
    grep -c " /proc/sys proc ro," /proc/mounts; mkdir /sys/x; echo pid $$; ls /dev/shm /dev/mqueue; cat /proc/self/oom_score_adj; touch /data/w && echo wrote
    for type in net ipc uts; do readlink /proc/self/ns/$type; done`,
  );
  expect(result.stderr).toMatch(/can't create directory '\/sys\/x': Read-only file system/);
  for (const set of ['CapPrm', 'CapEff', 'CapBnd']) expect(field(result, set)).toBe(usual);
  for (const set of ['CapInh', 'CapAmb']) expect(field(result, set)).toBe(mask());
  expect(field(result, 'NoNewPrivs')).toBe('0');
  expect(field(result, 'Seccomp')).toBe('0');
  expect(result.stdout).toContain('uid=0(root) gid=0(root)');
  expect(result.stdout).toMatch(/\npod-host\n\/\npod-host \/root\n0\n0\n1\npid 1\n/);
  expect(result.stdout).toContain('wrote\n');
  const own = ['net', 'ipc', 'uts'].map((type) =>
    execFileSync('readlink', [`/proc/${pod.pid}/ns/${type}`], { encoding: 'utf8' }),
  );
  expect(result.stdout).toContain(own.join(''));
});

test('an empty security context masks nothing', () => {
  const result = run('grep -q . /proc/interrupts && ! grep " /proc/sys " /proc/mounts && echo open', {
    config: secured({}),
  });
  expect(result.stdout).toBe('open\n');
});

test('a privileged container: all that this daemon has, /sys writable, no filter even if one is asked for', () => {
  const result = run(
    `${status}; grep " /sys sysfs" /proc/mounts; mount -t tmpfs none /data && echo mounted; ls /dev/berth-null`,
    {
      config: secured({ privileged: true, seccomp: {}, maskedPaths: ['/proc/kcore'] }),
      sandbox: { config: privilegedSandbox },
      devices: [{ path: '/dev/berth-null', type: 'c', major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0, access: 'rwm' }],
    },
  );
  const own = /CapBnd:\s*(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  expect(field(result, 'CapEff')).toBe(own);
  expect(field(result, 'Seccomp')).toBe('0');
  expect(result.stdout).toMatch(/sysfs rw/);
  expect(result.stdout).toContain('mounted\n/dev/berth-null\n');
});

test('a read-only root: the error that clients know, and no write', () => {
  const files = { shm: join(folder, 'shm'), hostname: join(folder, 'hostname') };
  mkdirSync(files.shm);
  writeFileSync(files.hostname, 'pod-host\n');
  writeFileSync(join(rootfs, 'etc/hostname'), '');
  const result = run('touch /data/x; touch /dev/shm/y && echo shm; echo more >> /etc/hostname; cat /etc/hostname', {
    config: secured({ readonlyRootfs: true }),
    files,
  });
  expect(result.stderr).toMatch(/touch: \/data\/x: Read-only file system/);
  expect(result.stderr).toMatch(/can't create \/etc\/hostname: Read-only file system/);
  expect(result.stdout).toBe('shm\npod-host\n');
});

test('users: ids, groups and home as resolved, no capability left for a user that is not root', () => {
  const config = {
    ...secured({ runAsUsername: 'app', runAsGroup: { value: 5n }, supplementalGroups: [1234n], noNewPrivs: true }),
    workingDir: '/tmp',
  };
  const user = resolveUser({ ...userRequest('c', specInput({ config }).config, ''), passwd, group });
  const result = run(`id; pwd; echo $HOME; ${status}`, { config, user });
  expect(result.stdout).toContain('uid=1000(app) gid=5 groups=5,44(video),1234\n/tmp\n/home/app\n');
  expect(field(result, 'CapEff')).toBe(mask());
  expect(field(result, 'CapBnd')).toBe(usual);
  expect(field(result, 'NoNewPrivs')).toBe('1');
});

test('ambient capabilities reach a user that is not root', () => {
  const capabilities = { dropCapabilities: ['ALL'], addAmbientCapabilities: ['NET_BIND_SERVICE'] };
  const user = { uid: 1000, gid: 1000, additionalGids: [1000], home: '/' };
  const result = run(status, { config: secured({ capabilities }), user });
  for (const set of ['CapEff', 'CapPrm', 'CapInh', 'CapAmb', 'CapBnd']) expect(field(result, set)).toBe(mask(10));
});

describe('seccomp', () => {
  const forbidden = 'mount -t tmpfs none /data; unshare -U true; unshare -m true; chroot / true && echo chroot';
  const filtered = (capabilities: object): Over => ({ config: secured({ seccomp: {}, capabilities }) });

  test('the default filter is on, and lets a shell work', () => {
    const result = run(`${status}; ${forbidden}; sleep 0; ls / | grep -c . ; echo done`, filtered({}));
    expect(field(result, 'Seccomp')).toBe('2');
    expect(result.stdout).toContain('done\n');
    // Without a filter a user namespace could be made; chroot fails for want of CAP_SYS_CHROOT.
    expect(result.stderr).toMatch(/unshare: unshare\(0x10000000\): Operation not permitted/);
    expect(result.stderr).toMatch(/unshare: unshare\(0x20000\): Operation not permitted/);
    expect(result.stdout).not.toContain('chroot');
    expect(run('unshare -U true && echo made', { config: secured({}) }).stdout).toBe('made\n');
  });

  test('capabilities open their calls', () => {
    const result = run(
      `mount -t tmpfs none /data && echo mounted; chroot / /bin/true && echo chroot`,
      filtered({ addCapabilities: ['SYS_ADMIN', 'SYS_CHROOT'] }),
    );
    expect(result).toMatchObject({ stdout: 'mounted\nchroot\n', stderr: '' });
  });

  test('a user that is not root with no_new_privs', () => {
    const user = { uid: 1000, gid: 1000, additionalGids: [1000], home: '/' };
    const result = run(`${status}; id -u`, { config: secured({ seccomp: {}, noNewPrivs: true }), user });
    expect(field(result, 'Seccomp')).toBe('2');
    expect(result.stdout).toContain('\n1000\n');
  });

  test('a localhost profile does what it says', () => {
    const text = JSON.stringify({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [
        { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28, excludes: { caps: ['CAP_SYS_ADMIN'] } },
      ],
    });
    const config = secured({ seccomp: { profileType: 2, localhostRef: '/p.json' } });
    const result = run('mkdir /data/no; echo after', { config, seccompProfile: { name: '/p.json', text } });
    expect(result.stderr).toMatch(/mkdir: can't create directory '\/data\/no': No space left on device/);
    expect(result.stdout).toBe('after\n');
  });
});

test('mounts: bind, read-only, recursively read-only, over a default', () => {
  const source = join(folder, 'volume');
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'file'), 'content');
  execFileSync('mount', ['-t', 'tmpfs', 'none', join(source, 'sub')]);
  try {
    const readonly = { hostPath: source, readonly: true };
    const result = run(
      'cat /rw/file; touch /rw/new; touch /ro/x; touch /ro/sub/x && echo below; touch /rro/sub/x; ls /dev/mqueue',
      {
        config: {
          mounts: [
            { containerPath: '/dev/mqueue', hostPath: source },
            { containerPath: '/rro', ...readonly, recursiveReadOnly: true },
            { containerPath: '/ro', ...readonly },
            { containerPath: '/rw', hostPath: source, propagation: 1 },
          ],
        },
      },
    );
    expect(result.stdout).toBe('contentbelow\nfile\nnew\nsub\n');
    expect(result.stderr).toMatch(/touch: \/ro\/x: Read-only file system\ntouch: \/rro\/sub\/x: Read-only file system/);
  } finally {
    execFileSync('umount', [join(source, 'sub')]);
  }
});

test('limits reach the cgroup', () => {
  const resources = { memoryLimitInBytes: 64n << 20n, cpuShares: 512n, oomScoreAdj: 900n };
  const { stdout } = run(
    'cat /proc/self/oom_score_adj; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null',
    { config: { linux: { resources } }, defaults: { env: [], pidsLimit: 50 } },
  );
  expect(stdout).toBe(`900\n${64 << 20}\n`);
});

test('a node that is denied by the device cgroup cannot be opened, one that is listed can', () => {
  // loop-control is not among the runtime's own devices; where its driver is missing, opening says ENXIO and not EPERM.
  const control = { path: '/dev/control', type: 'c', major: 10, minor: 237, mode: 0o666, uid: 0, gid: 0 } as const;
  const open = (access: string): string => run('true </dev/control', { devices: [{ ...control, access }] }).stderr;
  expect(open('m')).toMatch(/can't open \/dev\/control: Operation not permitted/);
  expect(open('r')).not.toMatch(/Operation not permitted/);
});

test('the holder of a PID namespace runs, another container joins it, and an exec has the container’s confinement', () => {
  const infraRoot = makeRootfs('infra');
  copyFileSync('/bin/busybox', join(infraRoot, 'pause'));
  const holder = input({});
  const infra = infraSpec({
    sandboxId: 's1',
    config: holder.sandbox.config,
    namespaces: holder.sandbox,
    rootfsPath: infraRoot,
    cgroupPath: holder.cgroupPath,
    facts: holder.facts,
  });
  // Busybox stands for the pause program, so its name cannot be the applet's.
  const spec = { ...infra, process: { ...infra.process, args: ['/bin/sleep', '600'] } };
  // The container keeps the stdio of create: pipes would hold this test until it ends.
  const created = spawnSync(
    'runc',
    ['--root', join(folder, 'state'), 'create', '--bundle', bundle(holder.id, spec), holder.id],
    {
      stdio: 'ignore',
    },
  );
  expect(created.status).toBe(0);
  try {
    expect(runc('start', holder.id)).toMatchObject({ status: 0, stderr: '' });
    const { pid } = JSON.parse(runc('state', holder.id).stdout) as { pid: number };
    const inside = readFileSync(`/proc/${pid}/status`, 'utf8');
    expect(inside).toMatch(/CapEff:\s*0{16}\n[^]*NoNewPrivs:\s*1\nSeccomp:\s*2\n/);
    expect(inside).toMatch(/Uid:\s*65534/);

    const joined = run('grep ^Name: /proc/1/status; echo $$', {
      sandbox: { pidNamespace: { kind: 'path', path: `/proc/${pid}/ns/pid` } },
    });
    expect(joined.stdout).toMatch(/Name:\tsleep\n(?!1\n)\d+\n/);

    const file = join(folder, 'process.json');
    writeFileSync(
      file,
      JSON.stringify(
        processSpec(spec, { containerId: holder.id, cmd: ['/bin/sh', '-c', `${status}; id -u`], tty: false }),
      ),
    );
    const exec = runc('exec', '--process', file, holder.id);
    expect(field(exec, 'CapEff')).toBe(mask());
    expect(field(exec, 'Seccomp')).toBe('2');
    expect(exec.stdout).toMatch(/\n65534\n$/);
  } finally {
    runc('delete', '--force', holder.id);
  }
});
