import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { Protocol, type PortMapping } from '../../src/wire';
import { images } from '../support/fixtures';
import { pageAt } from '../support/http';
import { berthName, bridgeList, portmap } from '../support/layout';
import { freePort, run } from '../support/machine';
import { rejection } from '../support/matchers';
import { spareDaemon, type SpareDaemon } from '../support/spare-daemon';
import { berthOnly } from '../support/suite';
import { until } from '../support/wait';
import type { Pod } from '../support/world';

/** A network of both families whose plugins map no ports; `more` plugins follow the bridge. */
function conflist({ daemon: { layout } }: SpareDaemon, ...more: object[]): string {
  const { subnet } = layout.names;
  // As unlikely to be in use as the IPv4 subnet that was drawn.
  const subnet6 = `fd00:${subnet.split('.').slice(1, 3).join(':')}::/64`;
  return JSON.stringify(bridgeList('1.0.0', layout, [subnet, subnet6], ...more));
}

const tcp = (hostPort: number, more: Partial<PortMapping> = {}): PortMapping => ({
  protocol: Protocol.TCP,
  containerPort: 80,
  hostPort,
  hostIp: '',
  ...more,
});

/** The host's address on an interface that is not loopback. */
const hostAddress = (family: 'IPv4' | 'IPv6'): string | undefined =>
  Object.values(networkInterfaces())
    .flat()
    .find((each) => each !== undefined && !each.internal && each.family === family && !each.address.startsWith('fe80'))
    ?.address;

berthOnly('host ports of a network without portmap', () => {
  let spare: SpareDaemon;
  beforeAll(async () => {
    spare = await spareDaemon({ network: false });
    await useList(conflist(spare));
    await spare.world.cri.pull(images.busybox);
  });
  afterAll(async () => spare[Symbol.asyncDispose]());

  const useList = async (list: string): Promise<void> => {
    const file = join(spare.daemon.layout.cniConfDir, '10-e2e.conflist');
    await mkdir(spare.daemon.layout.cniConfDir, { recursive: true });
    await writeFile(`${file}.new`, list);
    await rename(`${file}.new`, file);
    await until('the network to be ready', async () => {
      const { status: answer } = await spare.world.cri.status();
      return answer?.conditions.every((condition) => condition.status);
    });
  };

  /** A pod in which httpd answers on both families with the pod's hostname. */
  const web = async (hostname: string, ...portMappings: PortMapping[]): Promise<Pod & { ips: string[] }> => {
    const { world } = spare;
    const pod = await world.runPod(world.podConfig({ hostname, portMappings }));
    const serve = 'hostname > /tmp/index.html; exec busybox httpd -f -p [::]:80 -h /tmp';
    await world.start({ command: ['sh', '-c', serve] }, pod);
    const { network } = await world.cri.podStatus(pod.id);
    return { ...pod, ips: [network?.ip ?? '', ...(network?.additionalIps ?? []).map(({ ip }) => ip)] };
  };
  const page = (address: string) => until(`an answer at ${address}`, () => pageAt(address));
  const table = () => `berth-${berthName(spare.daemon.layout).slice('berth-'.length)}`;
  const rules = () => run('nft', 'list', 'table', 'inet', table()).catch(() => undefined);
  const localnet = () => readFile(`/proc/sys/net/ipv4/conf/${spare.daemon.layout.names.bridge}/route_localnet`, 'utf8');

  test('a pod has an address of each family, IPv4 first as its list has it', async () => {
    const { ips } = await web('dual');
    expect(ips).toEqual([expect.stringMatching(/^10\./), expect.stringMatching(/^fd/)]);
    const [four = '', six = ''] = ips;
    expect(await page(four)).toBe('dual\n');
    expect(await page(`[${six}]`)).toBe('dual\n');
  });

  test('lead to the pod from the host, over its addresses and localhost, and are gone with the last pod', async () => {
    const port = await freePort();
    const pod = await web('mapped', tcp(port));
    expect(await page(`127.0.0.1:${port}`)).toBe('mapped\n');
    expect(await page(`${hostAddress('IPv4')}:${port}`)).toBe('mapped\n');
    const six = hostAddress('IPv6');
    if (six !== undefined) expect(await page(`[${six}]:${port}`)).toBe('mapped\n');
    expect(await localnet()).toBe('1\n');
    await spare.world.removePod(pod.id);
    expect(await pageAt(`127.0.0.1:${port}`)).toBeUndefined();
    expect(await rules()).toBeUndefined();
    expect(await localnet()).toBe('0\n');
  });

  test('lead there from the pod itself and from its neighbour, by the host’s address', async () => {
    const port = await freePort();
    const { world } = spare;
    const pod = await web('hairpin', tcp(port));
    const neighbour = await web('neighbour');
    for (const from of [pod, neighbour]) {
      const client = await world.start({}, from);
      for (const host of [hostAddress('IPv4'), hostAddress('IPv6')].filter((each) => each !== undefined)) {
        const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/`;
        expect(await world.sh(client, `wget -q -O - ${url}`)).toBe('hairpin');
      }
    }
    for (const { id } of [pod, neighbour]) await world.removePod(id);
  });

  test('of one address are of no other', async () => {
    const port = await freePort();
    const pod = await web('local', tcp(port, { hostIp: '127.0.0.1' }));
    expect(await page(`127.0.0.1:${port}`)).toBe('local\n');
    expect(await pageAt(`${hostAddress('IPv4')}:${port}`)).toBeUndefined();
    // Another address is another pod's to have.
    const other = await web('other', tcp(port, { hostIp: hostAddress('IPv4') ?? '' }));
    expect(await page(`${hostAddress('IPv4')}:${port}`)).toBe('other\n');
    expect(await page(`127.0.0.1:${port}`)).toBe('local\n');
    for (const { id } of [pod, other]) await spare.world.removePod(id);
  });

  test('that a pod has are refused to another one by name, and it leaves nothing', async () => {
    const port = await freePort();
    const { world } = spare;
    const pod = await web('first', tcp(port));
    const { name } = pod.config.metadata ?? { name: '' };
    const config = world.podConfig({ portMappings: [tcp(port, { hostIp: '127.0.0.1', containerPort: 81 })] });
    const error = await rejection(world.runPod(config));
    expect(error).toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(error.details).toMatch(new RegExp(`TCP port ${port} of 127\\.0\\.0\\.1 is taken by pod e2e/${name}`));
    const udp = await world.runPod(world.podConfig({ portMappings: [tcp(port, { protocol: Protocol.UDP })] }));
    expect((await world.cri.listPods()).map(({ id }) => id).sort()).toEqual(expect.arrayContaining([pod.id, udp.id]));
    await world.removePod(pod.id);
    const second = await world.runPod(config);
    for (const id of [udp.id, second.id]) await world.removePod(id);
  });

  test('outlive berthd, and are there again after a start if the firewall was flushed', async () => {
    const port = await freePort();
    const pod = await web('kept', tcp(port), tcp(port, { protocol: Protocol.SCTP }));
    await spare.kill();
    expect(await page(`127.0.0.1:${port}`)).toBe('kept\n');
    expect(await rules()).toContain(`sctp . ${port}`);
    await run('nft', 'delete', 'table', 'inet', table());
    await spare.launch();
    expect(await page(`127.0.0.1:${port}`)).toBe('kept\n');
    expect(await rules()).toContain(`sctp . ${port}`);
    await spare.world.removePod(pod.id);
    expect(await rules()).toBeUndefined();
  });

  test('of UDP change for a client that goes on sending from one port', async () => {
    const port = await freePort();
    const { world } = spare;
    const client = createSocket('udp4').bind(0);
    await once(client, 'listening');
    const host = hostAddress('IPv4') ?? '';
    const mapping = tcp(port, { protocol: Protocol.UDP, containerPort: 53 });
    try {
      // A flow to the host itself, before there is a mapping.
      expect(await ask(client, host, port, 1)).toBeUndefined();
      for (const name of ['one', 'two']) {
        const pod = await world.runPod(world.podConfig({ portMappings: [mapping] }));
        const server = answerIn(`/run/netns/${berthName(spare.daemon.layout)}-${pod.id}`, 53, name);
        expect(await ask(client, host, port, 50)).toBe(name);
        server.kill();
        await world.removePod(pod.id);
      }
    } finally {
      client.close();
    }
  });

  test('are refused where a portmap plugin serves them and another pod has them', async () => {
    const port = await freePort();
    const { world } = spare;
    const own = await web('own', tcp(port));
    await useList(conflist(spare, portmap));
    await until('the list with portmap to count', async () => {
      const log = await readFile(join(spare.daemon.layout.dir, 'daemon.log'), 'utf8');
      return log.split('"pod network loaded"').length > 2;
    });
    expect((await rejection(world.runPod(world.podConfig({ portMappings: [tcp(port)] })))).details).toMatch(
      /is taken by/,
    );
    const other = await freePort();
    const mapped = await web('portmap', tcp(other));
    expect(await page(`127.0.0.1:${other}`)).toBe('portmap\n');
    expect(await rules()).not.toContain(`tcp . ${other}`);
    expect((await rejection(world.runPod(world.podConfig({ portMappings: [tcp(other)] })))).details).toMatch(
      /is taken by/,
    );
    for (const { id } of [own, mapped]) await world.removePod(id);
  });
});

/** Answers each datagram to a port inside a network namespace. */
function answerIn(netns: string, port: number, answer: string): ChildProcess {
  const script = `const s = require('dgram').createSocket('udp4');
    s.on('message', (_, { port, address }) => s.send('${answer}', port, address)).bind(${port});`;
  return spawn('nsenter', [`--net=${netns}`, process.execPath, '-e', script], { stdio: 'inherit' });
}

/** Sends until something comes back, so many times at the most. */
async function ask(client: Socket, host: string, port: number, times: number): Promise<string | undefined> {
  let answer: string | undefined;
  const listen = (message: Buffer) => void (answer = message.toString());
  client.on('message', listen);
  try {
    for (let i = 0; i < times && answer === undefined; i++) {
      client.send('?', port, host);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    client.off('message', listen);
  }
  return answer;
}
