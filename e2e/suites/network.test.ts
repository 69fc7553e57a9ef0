import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Protocol } from '../../src/wire';
import { images } from '../support/fixtures';
import { pageAt } from '../support/http';
import { freePort, run } from '../support/machine';
import { daemonUnderTest, useWorld } from '../support/suite';
import { until } from '../support/wait';

const suite = useWorld();
beforeAll(async () => {
  await suite.world.cri.pull(images.nginx);
});

/** What nginx answers at the address, once it does. */
const page = (address: string) => until(`nginx at ${address}`, () => pageAt(address));

test('a pod has an address of its network, and what listens in it is reachable from the host', async () => {
  const { world } = suite;
  const pod = await world.runPod(world.podConfig({ hostname: 'web-1' }));
  const ip = (await world.cri.podStatus(pod.id)).network?.ip ?? '';
  const subnet = (await daemonUnderTest())?.layout.names.subnet.replace(/0\/24$/, '');
  expect(ip.startsWith(subnet ?? '10.')).toBe(true);
  const container = await world.start({ imageName: images.nginx, command: [] }, pod);
  expect(await page(ip)).toBe('nginx of web-1\n');
  expect(await world.sh(container, 'ip -4 -o addr show eth0')).toContain(`${ip}/24`);
  expect(await world.sh(container, 'ip -o link show lo')).toContain('UP');
  expect(await world.sh(container, 'ip route show default')).toContain('dev eth0');
});

test('two pods reach each other, each by its own address', async () => {
  const { world } = suite;
  const [one, two] = await Promise.all([world.runPod(), world.runPod()]);
  const [first, second] = await Promise.all([one, two].map(({ id }) => world.cri.podStatus(id)));
  const ip = first?.network?.ip ?? '';
  expect(ip).not.toBe(second?.network?.ip);
  await world.start({ imageName: images.nginx, command: [] }, one);
  await page(ip);
  const client = await world.start({}, two);
  expect(await world.sh(client, `wget -q -O - http://${ip}/`)).toMatch(/^nginx of /);
});

test('a host port leads to the pod over 127.0.0.1, and is gone with it', async () => {
  const { world } = suite;
  const hostPort = await freePort();
  const mapping = { protocol: Protocol.TCP, containerPort: 80, hostPort, hostIp: '' };
  const pod = await world.runPod(world.podConfig({ hostname: 'mapped', portMappings: [mapping] }));
  await world.start({ imageName: images.nginx, command: [] }, pod);
  expect(await page(`127.0.0.1:${hostPort}`)).toBe('nginx of mapped\n');
  await world.removePod(pod.id);
  expect(await pageAt(`127.0.0.1:${hostPort}`)).toBeUndefined();
});

test('hostname, resolv.conf and shm are the pod’s', async () => {
  const { world } = suite;
  const dnsConfig = { servers: ['192.0.2.53', '192.0.2.54'], searches: ['a.test', 'b.test'], options: ['ndots:5'] };
  const pod = await world.runPod(world.podConfig({ hostname: 'a-host-name', dnsConfig }));
  const container = await world.start({}, pod);
  expect(await world.sh(container, 'hostname; cat /proc/sys/kernel/hostname')).toBe('a-host-name\na-host-name');
  expect(await world.sh(container, 'echo $HOSTNAME; cat /etc/hostname')).toBe('a-host-name\na-host-name');
  const resolv = (await world.sh(container, 'cat /etc/resolv.conf')).split('\n');
  expect(resolv).toEqual(
    expect.arrayContaining([
      'search a.test b.test',
      'nameserver 192.0.2.53',
      'nameserver 192.0.2.54',
      'options ndots:5',
    ]),
  );
  expect(await world.sh(container, 'df -k /dev/shm | tail -1 | awk "{print \\$2}"')).toBe(String(64 << 10));
  const options = (await world.sh(container, 'grep " /dev/shm " /proc/mounts')).split(' ')[3]?.split(',');
  expect(options).toEqual(expect.arrayContaining(['rw', 'nosuid', 'nodev', 'noexec']));
});

test('without a DNS configuration the pod has the host’s resolv.conf', async () => {
  const { world } = suite;
  const container = await world.start({}, await world.runPod());
  expect(await world.sh(container, 'cat /etc/resolv.conf')).toBe((await readFile('/etc/resolv.conf', 'utf8')).trim());
});

test('containers of one pod share network and ipc, and not their mounts', async () => {
  const { world } = suite;
  const pod = await world.runPod();
  const [one, two] = [await world.start({}, pod), await world.start({}, pod)];
  const namespace = (of: { id: string }, name: string) => world.sh(of, `readlink /proc/self/ns/${name}`);
  for (const name of ['net', 'ipc', 'uts']) expect(await namespace(one, name)).toBe(await namespace(two, name));
  for (const name of ['mnt', 'pid']) expect(await namespace(one, name)).not.toBe(await namespace(two, name));
  await world.sh(one, 'echo shared > /dev/shm/file');
  expect(await world.sh(two, 'cat /dev/shm/file')).toBe('shared');
});

test('sysctls of the pod’s namespaces are set', async () => {
  const { world } = suite;
  const sysctls = { 'net.ipv4.ip_unprivileged_port_start': '80', 'kernel.shm_rmid_forced': '1' };
  const container = await world.start({}, await world.runPod(world.podConfig({ linux: { sysctls } })));
  expect(await world.sh(container, 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start')).toBe('80');
  expect(await world.sh(container, 'cat /proc/sys/kernel/shm_rmid_forced')).toBe('1');
});

test('a pod that is stopped gives its address and its interface back', async () => {
  const { world } = suite;
  const daemon = await daemonUnderTest();
  if (daemon === undefined) return;
  const { ipamDir, names } = daemon.layout;
  const pod = await world.runPod();
  const ip = (await world.cri.podStatus(pod.id)).network?.ip ?? '';
  const allocations = () => readdir(join(ipamDir, names.network));
  expect(await allocations()).toContain(ip);
  await world.cri.stopPod(pod.id);
  expect(await allocations()).not.toContain(ip);
  expect((await run('ip', 'neigh', 'show', 'dev', names.bridge)).includes(`${ip} lladdr`)).toBe(false);
});

test('ten pods at once each get an address of their own', async () => {
  const { world } = suite;
  const pods = await Promise.all(Array.from({ length: 10 }, () => world.runPod()));
  const addresses = await Promise.all(pods.map(async ({ id }) => (await world.cri.podStatus(id)).network?.ip));
  expect(new Set(addresses).size).toBe(10);
  await Promise.all(pods.map(({ id }) => world.removePod(id)));
});
