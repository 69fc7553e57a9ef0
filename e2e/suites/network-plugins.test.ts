import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { PodSandboxState, Protocol } from '../../src/wire';
import { bridgeList, portmap } from '../support/layout';
import { rejection } from '../support/matchers';
import { freePort, run } from '../support/machine';
import { spareDaemon, type SpareDaemon } from '../support/spare-daemon';
import { berthOnly } from '../support/suite';
import { until } from '../support/wait';

/**
 * A plugin of version 1.1.0, which Debian's are not: it notes what it is called with and says to a command what
 * `fail-<command>` has. It makes no interface.
 */
const script = (dir: string) => `#!/bin/sh
input=$(cat)
printf '{"command":"%s","input":%s}\\n' "$CNI_COMMAND" "$input" >> ${dir}/calls
if [ -e ${dir}/fail-$CNI_COMMAND ]; then cat ${dir}/fail-$CNI_COMMAND; exit 1; fi
if [ $CNI_COMMAND = ADD ]; then echo '${result}'; fi
`;
const result = '{"cniVersion":"1.1.0","ips":[{"address":"fd00:9::5/64"},{"address":"10.9.0.5/24"}]}';

/** Hands on what came before it, which stands last in what it is told. */
const passing = (dir: string) => `#!/bin/sh
input=$(cat)
printf '{"command":"%s","input":%s}\\n' "$CNI_COMMAND" "$input" >> ${dir}/calls
if [ $CNI_COMMAND = ADD ]; then printf '%s' "$input" | sed 's/.*"prevResult"://; s/}$//'; fi
`;

interface Call {
  readonly command: string;
  readonly input: Record<string, unknown>;
}

berthOnly('plugins of a network', () => {
  let spare: SpareDaemon;
  let dir: string;
  beforeAll(async () => {
    spare = await spareDaemon({ network: false });
    dir = spare.daemon.layout.pluginDir;
    await mkdir(dir);
    await writeFile(join(dir, 'spy'), script(dir), { mode: 0o755 });
    await writeFile(join(dir, 'passing'), passing(dir), { mode: 0o755 });
  });
  afterAll(async () => spare[Symbol.asyncDispose]());

  const calls = async (command: string): Promise<Call[]> => {
    const lines = (await readFile(join(dir, 'calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line) as Call).filter((call) => call.command === command);
  };
  const condition = async () => {
    const { status: answer } = await spare.world.cri.status();
    return answer?.conditions.find(({ type }) => type === 'NetworkReady');
  };
  const log = () => readFile(join(spare.daemon.layout.dir, 'daemon.log'), 'utf8');
  const useList = async (list: object): Promise<void> => {
    const file = join(spare.daemon.layout.cniConfDir, '10-e2e.conflist');
    await writeFile(`${file}.new`, JSON.stringify(list));
    await rename(`${file}.new`, file);
  };
  const bridge = () => ({
    type: 'bridge',
    bridge: spare.daemon.layout.names.bridge,
    isGateway: true,
    ipam: {
      type: 'host-local',
      dataDir: spare.daemon.layout.ipamDir,
      ranges: [[{ subnet: spare.daemon.layout.names.subnet }]],
    },
  });
  /** As unlikely to be in use as the IPv4 subnet that was drawn. */
  const subnet6 = () => `fd00:${spare.daemon.layout.names.subnet.split('.').slice(1, 3).join(':')}::/64`;
  const name = () => spare.daemon.layout.names.network;

  test.each(['0.2.0', '0.3.1', '0.4.0', '1.0.0'])('of version %s give a pod its address', async (cniVersion) => {
    await useList({ cniVersion, name: name(), plugins: [bridge()] });
    const { world } = spare;
    await until('the list to count', async () => (await log()).includes(`"cniVersion":"${cniVersion}"`));
    const pod = await world.runPod();
    const ip = (await world.cri.podStatus(pod.id)).network?.ip ?? '';
    expect(ip).toMatch(new RegExp(`^${spare.daemon.layout.names.subnet.replace(/0\/24$/, '')}`));
    await world.removePod(pod.id);
  });

  test('are told the MAC address, addresses and bandwidth that a pod’s annotations ask for', async () => {
    const { world } = spare;
    const { subnet } = spare.daemon.layout.names;
    const ip = subnet.replace(/0\/24$/, '77');
    const capable = { ...bridge(), capabilities: { mac: true, ips: true } };
    const bandwidth = { type: 'bandwidth', capabilities: { bandwidth: true } };
    await useList({ cniVersion: '1.0.0', name: name(), plugins: [capable, bandwidth] });
    await until('the list to count', async () => (await log()).split('"cniVersion":"1.0.0"').length > 2);
    const annotations = {
      'berth/mac': '02:00:0a:00:00:4d',
      'berth/ips': ip,
      'kubernetes.io/ingress-bandwidth': '10M',
    };
    const pod = await world.runPod(world.podConfig({ annotations }));
    expect((await world.cri.podStatus(pod.id)).network?.ip).toBe(ip);
    const netns = (await run('ip', 'netns', 'list')).split(/\s/).find((each) => each.endsWith(pod.id)) ?? '';
    expect(await run('ip', '-n', netns, 'link', 'show', 'eth0')).toContain('02:00:0a:00:00:4d');
    expect(await run('tc', 'qdisc', 'show')).toMatch(/tbf .* rate 10Mbit/);
    await world.removePod(pod.id);
  });

  test('of version 1.1.0 say whether they are ready, check pods after a start and are told which pods there are', async () => {
    const { world } = spare;
    const fail = (command: string, code: number, msg: string) =>
      writeFile(join(dir, `fail-${command}`), JSON.stringify({ cniVersion: '1.1.0', code, msg }));
    await fail('STATUS', 50, 'no address is left');
    await useList({ cniVersions: ['0.4.0', '1.1.0', '9.0.0'], name: name(), plugins: [{ type: 'spy' }] });
    await until('the condition to say so', async () => (await condition())?.message.includes('CNI code 50'));
    expect(await condition()).toMatchObject({ status: false, reason: 'NetworkPluginNotReady' });
    expect(await rejection(world.runPod())).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringMatching(/plugin spy: it cannot serve new pods: no address is left/) as string,
    });
    await rm(join(dir, 'fail-STATUS'));
    await until('the network to be ready', async () => (await condition())?.status);

    const pod = await world.runPod();
    expect((await world.cri.podStatus(pod.id)).network).toMatchObject({
      ip: 'fd00:9::5',
      additionalIps: [{ ip: '10.9.0.5' }],
    });
    await fail('CHECK', 100, 'eth0 is gone');
    await spare.kill();
    await writeFile(join(dir, 'calls'), '');
    await spare.launch();
    await until('the check to be told', async () => (await log()).includes('CNI CHECK: plugin spy: eth0 is gone'));
    const [collected] = await until('GC', async () => {
      const all = await calls('GC');
      return all.length > 0 && all;
    });
    expect(collected?.input['cni.dev/valid-attachments']).toEqual([{ containerID: pod.id, ifname: 'eth0' }]);
    expect((await world.cri.podStatus(pod.id)).state).toBe(PodSandboxState.SANDBOX_READY);
    await world.removePod(pod.id);
  });

  describe('of which portmap maps a host port', () => {
    const families = {
      IPv4: [() => spare.daemon.layout.names.subnet],
      IPv6: [subnet6],
      both: [() => spare.daemon.layout.names.subnet, subnet6],
    };
    const loads = async () => (await log()).split('"pod network loaded"').length;

    /** A pod with one, in a list whose last plugin tells that those before it have been passed. */
    const mapped = async (family: keyof typeof families): Promise<string> => {
      const { daemon, world } = spare;
      const before = await loads();
      const subnets = families[family].map((subnet) => subnet());
      await useList(bridgeList('1.0.0', daemon.layout, subnets, portmap, { type: 'passing' }));
      await until('the list to count', async () => (await loads()) > before);
      const mapping = { protocol: Protocol.TCP, containerPort: 80, hostPort: await freePort(), hostIp: '' };
      return (await world.runPod(world.podConfig({ portMappings: [mapping] }))).id;
    };
    const restart = async (): Promise<void> => {
      await spare.kill();
      await writeFile(join(dir, 'calls'), '');
      await spare.launch();
    };
    const told = async (pod: string) =>
      (await log()).split('\n').filter((line) => line.includes(pod) && line.includes('is not as it was'));

    test.each(['IPv4', 'IPv6', 'both'] as const)('have nothing to tell of a whole pod of %s', async (family) => {
      const pod = await mapped(family);
      await restart();
      await until('the plugin behind portmap to be asked', async () => (await calls('CHECK')).length > 0);
      expect(await told(pod)).toEqual([]);
      await spare.world.removePod(pod);
    });

    test('tell of rules that somebody has flushed', async () => {
      const pod = await mapped('IPv4');
      const rules = (await run('iptables', '-t', 'nat', '-S')).split('\n').filter((rule) => rule.includes(pod));
      const chain = /-j (CNI-DN-\w+)/.exec(rules.join('\n'))?.[1] ?? '';
      await run('iptables', '-t', 'nat', '-F', chain);
      await restart();
      const [line] = await until('the check to be told', async () => {
        const lines = await told(pod);
        return lines.length > 0 && lines;
      });
      expect(line).toMatch(/CNI CHECK: plugin portmap: could not check ipv4 dnat: rule/);
      await spare.world.removePod(pod);
    });
  });
});
