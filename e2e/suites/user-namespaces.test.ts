import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { NamespaceMode, type IDMapping } from '../../src/wire';
import type { PartialPod } from '../support/cri';
import { images } from '../support/fixtures';
import { pageAt } from '../support/http';
import { run } from '../support/machine';
import { spareDaemon, type SpareDaemon } from '../support/spare-daemon';
import { berthOnly, restartable, useWorld } from '../support/suite';
import { until } from '../support/wait';
import type { Pod, World } from '../support/world';

const suite = useWorld();
const length = 65_536;

/** Images are mapped as layers of an overlay, which Linux can from 6.5 on. */
const [major = 0, minor = 0] = release().split('.').map(Number);
const offered = major > 6 || (major === 6 && minor >= 5);

/** A range as the kubelet gives them out: none is another pod's. */
let taken = 8;
const drawRange = (): IDMapping => ({ hostId: taken++ * length, containerId: 0, length });

const options = (uids: readonly IDMapping[], gids: readonly IDMapping[] = uids) => ({
  network: NamespaceMode.POD,
  pid: NamespaceMode.CONTAINER,
  ipc: NamespaceMode.POD,
  usernsOptions: { mode: NamespaceMode.POD, uids: [...uids], gids: [...gids] },
});

interface MappedPod extends Pod {
  readonly range: IDMapping;
  readonly gidRange: IDMapping;
  /** Its root's ids as the node has them. */
  readonly base: number;
  readonly groups: number;
}

/** A pod with user ids and group ids of its own, those of groups elsewhere. */
async function mappedPod(world: World, over: PartialPod = {}): Promise<MappedPod> {
  const [range, gidRange] = [drawRange(), drawRange()];
  const namespaceOptions = options([range], [gidRange]);
  const config = world.podConfig({
    ...over,
    linux: { ...over.linux, securityContext: { namespaceOptions, ...over.linux?.securityContext } },
  });
  const pod = await world.runPod(config);
  return { ...pod, base: range.hostId, groups: gidRange.hostId, range, gidRange };
}

/** Owners and modes of what containers have of the node's /dev. */
const ownersOfNodes = () =>
  Promise.all(
    ['null', 'zero', 'full', 'tty', 'random', 'urandom'].map(async (name) => {
      const { uid, gid, mode } = await stat(join('/dev', name));
      return { name, uid, gid, mode };
    }),
  );

/** The process of the container, as the node sees it. */
async function initOf(world: World, id: string): Promise<number> {
  const { info } = await world.cri.containerStatusVerbose(id);
  return (JSON.parse(info['info'] ?? '{}') as { pid: number }).pid;
}

(offered ? berthOnly : describe.skip)(
  `pods with user namespaces${offered ? '' : ` (Linux ${release()} is before 6.5)`}`,
  () => {
    beforeAll(async () => {
      for (const image of [images.busybox, images.nginx, images.volume]) await suite.world.cri.pull(image);
    });
    let owners: Awaited<ReturnType<typeof ownersOfNodes>>;
    beforeEach(async () => {
      owners = await ownersOfNodes();
    });
    afterEach(async () => expect(await ownersOfNodes()).toEqual(owners));

    test('root inside is nobody’s root outside; the image’s files are root’s', async () => {
      const { world } = suite;
      const pod = await mappedPod(world, { hostname: 'in-userns' });
      const container = await world.start({}, pod);
      expect((await world.sh(container, 'cat /proc/self/uid_map')).split(/\s+/)).toEqual(['0', `${pod.base}`, '65536']);
      expect((await world.sh(container, 'cat /proc/self/gid_map')).split(/\s+/)).toEqual([
        '0',
        `${pod.groups}`,
        '65536',
      ]);
      expect(await world.sh(container, 'id -u; hostname')).toBe('0\nin-userns');
      const owners = 'stat -c %u:%g / /etc/passwd /data/kept /dev/shm /etc/resolv.conf /etc/hostname';
      expect(await world.sh(container, owners)).toBe(Array(6).fill('0:0').join('\n'));

      const pid = await initOf(world, container.id);
      expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(new RegExp(`^Uid:\\s+${pod.base}\\s`, 'm'));
      await world.sh(
        container,
        'touch /made && mkdir -p /data/sub && echo changed >> /etc/passwd && chown 7:8 /data/kept',
      );
      const outside = async (path: string) => {
        const { uid, gid } = await stat(`/proc/${pid}/root${path}`);
        return [uid - pod.base, gid - pod.groups];
      };
      expect([await outside('/made'), await outside('/etc/passwd'), await outside('/data/kept')]).toEqual([
        [0, 0],
        [0, 0],
        [7, 8],
      ]);
    });

    test('root inside rules the pod’s network, name and IPC, and nothing of the node', async () => {
      const { world } = suite;
      const sysctls = { 'net.ipv4.ip_unprivileged_port_start': '7', 'kernel.shm_rmid_forced': '1' };
      const pod = await mappedPod(world, { linux: { sysctls } });
      const capabilities = { addCapabilities: ['NET_ADMIN', 'SYS_ADMIN'], dropCapabilities: [] };
      const container = await world.start({ linux: { securityContext: { capabilities, ...sameOptions(pod) } } }, pod);
      const read = Object.keys(sysctls).map((name) => `cat /proc/sys/${name.replaceAll('.', '/')}`);
      expect(await world.sh(container, read.join('; '))).toBe('7\n1');
      expect(await world.sh(container, 'ip link set eth0 mtu 1280 && ip -o link show eth0')).toContain('mtu 1280');
      expect(await world.sh(container, 'ip -o link show lo')).toContain('UP');
      expect(
        await world.sh(
          container,
          'cd /proc/sys/net/ipv4 && echo 9 > ip_unprivileged_port_start && cat ip_unprivileged_port_start',
        ),
      ).toBe('9');
      expect(await world.sh(container, 'hostname changed && hostname')).toBe('changed');
      const { exitCode } = await world.cri.execSync(container.id, ['sh', '-c', 'echo 1 > /proc/sys/kernel/panic']);
      expect(exitCode).not.toBe(0);
      const mine = 'cd /sys/fs/cgroup; [ -d memory ] && cd memory; mkdir mine 2>/dev/null && echo made || echo refused';
      expect(await world.sh(container, mine)).toBe('refused');
    });

    test('two pods with ranges of their own stand side by side', async () => {
      const { world } = suite;
      const pods = await Promise.all([mappedPod(world), mappedPod(world)]);
      const containers = await Promise.all(pods.map((pod) => world.start({}, pod)));
      const users = await Promise.all(
        containers.map(async ({ id }) => (await stat(`/proc/${await initOf(world, id)}`)).uid),
      );
      expect(users).toEqual(pods.map(({ base }) => base));
      expect(new Set(users).size).toBe(2);
    });

    test('logs, exit, exec and another user, whose output can be opened again', async () => {
      const { world } = suite;
      const pod = await mappedPod(world);
      const securityContext = { runAsUser: { value: 1002n }, ...sameOptions(pod) };
      const { lines, status: end } = await world.runToEnd(
        'id -u > /dev/stdout; touch /x 2>/dev/null || echo refused; exit 3',
        { linux: { securityContext } },
        pod,
      );
      expect(lines.map(({ text }) => text)).toEqual(['1002', 'refused']);
      expect(end.exitCode).toBe(3);
      const container = await world.start({ linux: { securityContext } }, pod);
      expect(await world.sh(container, 'id -u; stat -c %u /proc/1')).toBe('1002\n1002');
    });

    test('a terminal is the user’s', async () => {
      const { world } = suite;
      const pod = await mappedPod(world);
      const securityContext = { runAsUser: { value: 1002n }, ...sameOptions(pod) };
      const { lines } = await world.runToEnd('stat -c %u $(tty)', { tty: true, linux: { securityContext } }, pod);
      expect(lines[0]?.text.trim()).toBe('1002');
    });

    test('a sysctl that the kernel keeps from the pod’s root fails the pod by its name and leaves nothing', async () => {
      const { world } = suite;
      await expect(mappedPod(world, { linux: { sysctls: { 'net.core.rmem_max': '1' } } })).rejects.toMatchObject({
        details: expect.stringMatching(/sysctls "net\.core\.rmem_max": the kernel refuses the value "1": E/) as string,
      });
    });

    test('limits and figures', async () => {
      const { world } = suite;
      const pod = await mappedPod(world);
      const container = await world.start({ linux: { resources: { memoryLimitInBytes: 64n << 20n } } }, pod);
      await world.cri.updateResources(container.id, { memoryLimitInBytes: 96n << 20n });
      const { linux } = (await world.cri.containerStatus(container.id)).resources ?? {};
      expect(linux?.memoryLimitInBytes).toBe(96n << 20n);
      await until('figures', async () => {
        const stats = await world.cri.containerStats(container.id);
        return (stats.memory?.workingSetBytes?.value ?? 0n) > 0n && (stats.writableLayer?.usedBytes?.value ?? 0n) > 0n;
      });
      await until('figures of the network', async () => {
        const { linux: podStats } = await world.cri.podStats(pod.id);
        return podStats?.network?.defaultInterface?.name === 'eth0';
      });
    });

    test('containers of a pod with one PID namespace see one another and its pause', async () => {
      const { world } = suite;
      const range = drawRange();
      const namespaceOptions = { ...options([range]), pid: NamespaceMode.POD };
      const pod = await world.runPod(world.podConfig({ linux: { securityContext: { namespaceOptions } } }));
      const [one] = [await world.start({}, pod), await world.start({ command: ['sleep', '4242'] }, pod)];
      const seen = await world.sh(one, 'cat /proc/[0-9]*/cmdline | tr "\\0" " "');
      expect(seen).toContain('/pause');
      expect(seen).toContain('sleep 4242');
    });

    test('a volume without mappings is nobody’s; with them it is refused where the runtime has none', async () => {
      const { world } = suite;
      const pod = await mappedPod(world);
      const hostPath = join(world.dir, 'volume');
      await mkdir(hostPath, { recursive: true });
      await writeFile(join(hostPath, 'file'), 'text');
      const plain = await world.start({ mounts: [{ containerPath: '/vol', hostPath }] }, pod);
      expect(await world.sh(plain, 'stat -c %u:%g /vol /vol/file; cat /vol/file')).toBe(
        '65534:65534\n65534:65534\ntext',
      );
      const mapped = { containerPath: '/vol', hostPath, uidMappings: [pod.range], gidMappings: [pod.range] };
      if (await offersUserNamespaces(world)) return;
      await expect(world.create({ mounts: [mapped] }, pod)).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
        details: expect.stringContaining('uid_mappings: idmapped mounts are not offered') as string,
      });
    });

    test('read-only volumes, of file systems with flags that the pod’s root must not clear', async () => {
      const { world } = suite;
      const pod = await mappedPod(world);
      const mount = { containerPath: '/ro', hostPath: '/dev/shm', readonly: true };
      const container = await world.start({ mounts: [mount] }, pod);
      expect(await world.sh(container, 'grep " /ro " /proc/mounts | cut -d" " -f4')).toMatch(/^ro,/);
    });

    test('an image volume is root’s', async () => {
      const { world } = suite;
      const pod = await mappedPod(world);
      const mounts = ['', 'data'].map((imageSubPath, at) => ({
        containerPath: `/vol${at}`,
        image: { image: images.volume },
        imageSubPath,
        uidMappings: [pod.range],
        gidMappings: [pod.range],
      }));
      const container = await world.start({ mounts }, pod);
      expect(await world.sh(container, 'stat -c %u:%g /vol0 /vol0/data/kept /vol1/kept; cat /vol1/kept')).toBe(
        '0:0\n0:0\n0:0\nkept',
      );
    });

    test('what nginx serves is reached, and files of other users in the image are theirs', async () => {
      const { world } = suite;
      const pod = await mappedPod(world, { hostname: 'mapped-web' });
      await world.start({ imageName: images.nginx, command: [] }, pod);
      const ip = (await world.cri.podStatus(pod.id)).network?.ip ?? '';
      expect(await until(`nginx at ${ip}`, () => pageAt(ip))).toBe('nginx of mapped-web\n');
    });

    describe('what contradicts itself is refused by its field', () => {
      const at = 'config.linux.security_context.namespace_options.userns_options';
      const range = { hostId: 7 * length, containerId: 0, length };
      test.each([
        ['two mappings', options([range, range]), `${at}.uids has 2 mappings`],
        ['no group mapping', options([range], []), `${at}.gids has 0 mappings`],
        ['a root that is not mapped', options([{ ...range, containerId: 1 }]), `${at}.uids[0].container_id is 1`],
        ['the node’s root', options([{ ...range, hostId: 0 }]), `${at}.uids[0].host_id is 0`],
        ['a short range', options([{ ...range, length: 100 }]), `${at}.uids[0].length is 100`],
        ['ids past the last', options([{ ...range, hostId: 4_294_901_760 }]), `${at}.uids[0] ends at 4294967295`],
        ['two lengths', options([range], [{ ...range, length: 2 * length }]), `${at}.gids[0].length is 131072`],
        [
          'the node’s network',
          { ...options([range]), network: NamespaceMode.NODE },
          'namespace_options.network is NODE',
        ],
        ['the node’s processes', { ...options([range]), pid: NamespaceMode.NODE }, 'namespace_options.pid is NODE'],
        ['the node’s IPC', { ...options([range]), ipc: NamespaceMode.NODE }, 'namespace_options.ipc is NODE'],
      ])('%s', async (_what, namespaceOptions, words) => {
        const { world } = suite;
        const config = world.podConfig({ linux: { securityContext: { namespaceOptions } } });
        await expect(world.cri.runPod(config)).rejects.toMatchObject({
          code: status.INVALID_ARGUMENT,
          details: expect.stringContaining(words) as string,
        });
      });

      test('options of a container that are not its pod’s, and a user that the pod has not', async () => {
        const { world } = suite;
        const pod = await mappedPod(world);
        const other = { linux: { securityContext: { namespaceOptions: options([drawRange()]) } } };
        await expect(world.create(other, pod)).rejects.toMatchObject({
          code: status.INVALID_ARGUMENT,
          details: expect.stringContaining("userns_options are not the pod's") as string,
        });
        const beyond = { linux: { securityContext: { runAsUser: { value: 65_536n }, ...sameOptions(pod) } } };
        await expect(world.create(beyond, pod)).rejects.toMatchObject({
          code: status.INVALID_ARGUMENT,
          details: expect.stringContaining('user 65536') as string,
        });
      });
    });

    test('a privileged container is root of the pod’s user namespace only', async () => {
      const { world } = suite;
      const range = drawRange();
      const securityContext = { privileged: true, namespaceOptions: options([range]) };
      const pod = await world.runPod(world.podConfig({ linux: { securityContext } }));
      const container = await world.start({ linux: { securityContext } }, pod);
      expect(await world.sh(container, 'grep CapEff /proc/self/status')).toMatch(/[1-9a-f]/);
      expect(await world.sh(container, 'mount -t tmpfs none /data && grep -c " /data " /proc/mounts')).toBe('1');
      const { exitCode } = await world.cri.execSync(container.id, ['sh', '-c', 'echo 1 > /proc/sys/kernel/panic']);
      expect(exitCode).not.toBe(0);
    });

    test('kill -9 of berthd: what runs goes on, is asked, is joined and goes without a trace', async () => {
      const { world } = suite;
      const daemon = await restartable(world);
      const pod = await mappedPod(world);
      const container = await world.start({}, pod);
      await daemon.kill();
      await daemon.launch();
      expect(await world.sh(container, 'cat /proc/self/uid_map')).toContain(String(pod.base));
      const late = await world.start({}, pod);
      expect(await world.sh(late, 'stat -c %u /etc/passwd')).toBe('0');
      const pins = async () =>
        (await run('findmnt', '-rno', 'TARGET')).split('\n').filter((line) => line.includes(pod.id));
      expect((await pins()).filter((line) => line.includes('/ns/user-'))).toHaveLength(1);
      await world.removePod(pod.id);
      expect(await pins()).toEqual([]);
    });
  },
);

/** As kubelets do: the container's options repeat the pod's. */
function sameOptions({ config }: Pod): { namespaceOptions: ReturnType<typeof options> } {
  return { namespaceOptions: config.linux?.securityContext?.namespaceOptions as ReturnType<typeof options> };
}

async function offersUserNamespaces(world: World): Promise<boolean> {
  const { runtimeHandlers } = await world.cri.status();
  return runtimeHandlers.find(({ name }) => name === '')?.features?.userNamespaces ?? false;
}

const given = process.env['BERTH_TEST_RUNC'];
const withRunc = given === undefined || !offered ? describe.skip : describe;
const why = given === undefined ? ' (no BERTH_TEST_RUNC: path of a runc from 1.2 on)' : '';

(offered ? describe.skip : berthOnly)('where there are none to be had', () => {
  test('a pod that wants one is refused by the field, and no handler promises one', async () => {
    const { world } = suite;
    expect(await offersUserNamespaces(world)).toBe(false);
    await expect(mappedPod(world)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('namespace_options.userns_options') as string,
    });
  });
});

withRunc(`volumes with mappings${why}`, () => {
  let spare: SpareDaemon;
  beforeAll(async () => {
    spare = await spareDaemon({ runtime: given });
    for (const image of [images.busybox, images.volume]) await spare.world.cri.pull(image);
  });
  afterAll(() => spare[Symbol.asyncDispose]());

  test('the handler says so, and the volume is root’s on both sides', async () => {
    const { world } = spare;
    expect(await offersUserNamespaces(world)).toBe(true);
    const pod = await mappedPod(world);
    const hostPath = join(world.dir, 'mapped');
    await mkdir(hostPath, { recursive: true });
    await writeFile(join(hostPath, 'file'), 'text', { mode: 0o600 });
    const mappings = { uidMappings: [pod.range], gidMappings: [pod.gidRange] };
    const mounts = [
      { containerPath: '/vol', hostPath, ...mappings },
      { containerPath: '/ro', hostPath, readonly: true, ...mappings },
      { containerPath: '/file', hostPath: join(hostPath, 'file'), ...mappings },
    ];
    const container = await world.start({ mounts }, pod);
    expect(await world.sh(container, 'stat -c %u:%g /vol /vol/file /file /etc/passwd; cat /file')).toBe(
      `${Array(4).fill('0:0').join('\n')}\ntext`,
    );
    await world.sh(container, 'touch /vol/made && chown 5:6 /vol/made');
    const { uid, gid } = await stat(join(hostPath, 'made'));
    expect([uid, gid]).toEqual([5, 6]);
    const { stderr } = await world.cri.execSync(container.id, ['touch', '/ro/made']);
    expect(stderr.toString()).toContain('Read-only file system');
    expect((await world.cri.containerStatus(container.id)).mounts[0]).toMatchObject(mounts[0] ?? {});
  });

  test('a pod of the node’s user namespace can have them, too', async () => {
    const { world } = spare;
    const hostPath = join(world.dir, 'shifted');
    await mkdir(hostPath, { recursive: true });
    const ids = [{ containerId: 0, hostId: 1000, length: 10 }];
    const container = await world.start({
      mounts: [{ containerPath: '/vol', hostPath, uidMappings: ids, gidMappings: ids }],
    });
    expect(await world.sh(container, 'stat -c %u:%g /vol')).toBe('1000:1000');
  });

  test('the rest is as with the other runtime', async () => {
    const { world } = spare;
    const pod = await mappedPod(world);
    const container = await world.start({ mounts: [{ containerPath: '/v', image: { image: images.volume } }] }, pod);
    expect(await world.sh(container, 'stat -c %u:%g / /v /v/data/kept /dev/shm')).toBe('0:0\n0:0\n0:0\n0:0');
    await spare.kill();
    await spare.launch();
    expect(await world.sh(container, 'id -u')).toBe('0');
    await world.removePod(pod.id);
  });
});
