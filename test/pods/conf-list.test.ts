import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { networkListText, parseNetworkList } from '../../src/pods/network/conf-list';
import { loadNetwork } from '../../src/pods/network/load';
import { resultAddresses } from '../../src/pods/network/result';
import { advertised, runtimeConfig } from '../../src/pods/network/runtime-config';
import { compareVersions } from '../../src/pods/network/versions';
import { PodSandboxConfig, Protocol } from '../../src/wire';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-cni-'));
});
afterEach(() => rm(folder, { recursive: true }));

const list = (extra: object) =>
  JSON.stringify({ name: 'net', cniVersion: '1.0.0', plugins: [{ type: 'bridge' }], ...extra });

test('a single configuration is wrapped into a list', () => {
  const parsed = parseNetworkList(
    JSON.stringify({ name: 'one', cniVersion: '0.4.0', type: 'bridge', bridge: 'b0' }),
    'f',
  );
  expect(parsed).toMatchObject({ name: 'one', cniVersion: '0.4.0', plugins: [{ type: 'bridge', bridge: 'b0' }] });
});

test('the highest version that berth knows is taken', () => {
  expect(parseNetworkList(list({ cniVersions: ['0.4.0', '1.1.0', '2.0.0'] }), 'f').cniVersion).toBe('1.1.0');
  expect(() => parseNetworkList(list({ cniVersion: '2.0.0' }), 'f')).toThrow(/none of its versions is at most 1\.1\.0/);
});

test('a list without a version is of the first one; one that names others alone is of the newest of them', () => {
  const { cniVersion: _, ...none } = JSON.parse(list({})) as Record<string, unknown>;
  expect(parseNetworkList(JSON.stringify(none), 'f').cniVersion).toBe('0.1.0');
  expect(parseNetworkList(list({ cniVersion: '' }), 'f').cniVersion).toBe('0.1.0');
  expect(parseNetworkList(JSON.stringify({ ...none, cniVersions: ['1.0.0', '0.4.0'] }), 'f').cniVersion).toBe('1.0.0');
});

test('what an administrator has disabled survives the record of a pod, as a word or as a truth', () => {
  const parsed = parseNetworkList(list({ disableCheck: true, disableGC: 'true' }), 'f');
  expect(parsed).toMatchObject({ disableCheck: true, disableGC: true });
  expect(parseNetworkList(networkListText(parsed), 'record')).toEqual(parsed);
  expect(parseNetworkList(list({ disableCheck: 'false' }), 'f')).not.toHaveProperty('disableCheck');
});

test.each([
  ['plugins from a folder', list({ loadOnlyInlinedPlugins: false }), /loadOnlyInlinedPlugins: is false/],
  ['no JSON', '{', /Expected property name/],
  ['no plugins', list({ plugins: [] }), /plugins/],
  [
    'a plugin that is a path',
    list({ plugins: [{ type: '../../bin/sh' }] }),
    /plugins\.0\.type: must be the name of a plugin/,
  ],
  ['a name that is a path', list({ name: '../x' }), /name: must begin with/],
])('%s is refused with the file and the field', (_, text, message) => {
  expect(() => parseNetworkList(text, '/etc/cni/x.conflist')).toThrow(message);
  expect(() => parseNetworkList(text, '/etc/cni/x.conflist')).toThrow(/\/etc\/cni\/x\.conflist/);
});

describe('loadNetwork', () => {
  const put = (name: string, text: string) => writeFile(join(folder, name), text);
  const nameOf = ({ network }: Awaited<ReturnType<typeof loadNetwork>>) =>
    'list' in network ? network.list.name : network;

  test('gives the first valid file by name, and says which one it passed over', async () => {
    expect(nameOf(await loadNetwork(folder, ''))).toMatchObject({ code: 'network-not-ready' });
    await put('00-bad.conf', '{');
    await put('README', list({ name: 'ignored' }));
    expect(String(nameOf(await loadNetwork(folder, '')))).toMatch(/00-bad\.conf/);
    await put('20-b.conflist', list({ name: 'b' }));
    await put('10-a.conflist', list({ name: 'a' }));
    const loaded = await loadNetwork(folder, '');
    expect(nameOf(loaded)).toBe('a');
    expect(loaded.broken.map(({ message }) => message)).toEqual([expect.stringContaining('00-bad.conf')]);
  });

  test('keeps a network whose file is broken, until the file is gone', async () => {
    await put('10-a.conflist', list({ name: 'a' }));
    await put('20-b.conflist', list({ name: 'b' }));
    const { network } = await loadNetwork(folder, '');
    if (!('list' in network)) throw network;
    await put('10-a.conflist', list({ name: 'a' }).slice(0, 20));
    const kept = await loadNetwork(folder, '', network);
    expect(nameOf(kept)).toBe('a');
    expect(kept.broken[0]?.message).toMatch(/10-a\.conflist/);
    expect(nameOf(await loadNetwork(folder, ''))).toBe('b');
    await rm(join(folder, '10-a.conflist'));
    expect(nameOf(await loadNetwork(folder, '', network))).toBe('b');
  });

  test('gives the network of the name that is asked for, or says which there are', async () => {
    await put('10-a.conflist', list({ name: 'a' }));
    expect(String(nameOf(await loadNetwork(folder, 'b')))).toMatch(/no network is named "b"; there is a/);
    await put('20-b.conflist', list({ name: 'b' }));
    expect(nameOf(await loadNetwork(folder, 'b'))).toBe('b');
  });
});

test('versions are compared by number', () => {
  expect(['1.10.0', '0.4.0', '1.9.1'].sort(compareVersions)).toEqual(['0.4.0', '1.9.1', '1.10.0']);
});

describe('runtimeConfig', () => {
  const config = PodSandboxConfig.fromPartial({
    portMappings: [
      { hostPort: 8080, containerPort: 80, protocol: Protocol.TCP, hostIp: '127.0.0.1' },
      { hostPort: 0, containerPort: 81 },
      { hostPort: 53, containerPort: 53, protocol: Protocol.UDP },
    ],
    annotations: { 'kubernetes.io/ingress-bandwidth': '10M', 'kubernetes.io/egress-bandwidth': 'nonsense' },
    dnsConfig: { servers: ['10.0.0.10'], searches: ['a.b'], options: ['ndots:5'] },
  });

  test('a plugin is told only what it advertises', () => {
    const all = runtimeConfig(config, '/kubepods/x');
    expect(advertised(all, { portMappings: true, dns: false })).toEqual({
      portMappings: [
        { hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '127.0.0.1' },
        { hostPort: 53, containerPort: 53, protocol: 'udp' },
      ],
    });
    expect(advertised(all, { unknown: true })).toBeUndefined();
    expect(advertised(all)).toBeUndefined();
  });

  test('bandwidth annotations become bits per second; one that is no quantity is left out', () => {
    expect(runtimeConfig(config, '/x')['bandwidth']).toEqual({ ingressRate: 10_000_000, ingressBurst: 2 ** 31 - 1 });
  });

  test('addresses and a MAC address that a pod asks for by annotation are passed on', () => {
    const annotations = { 'berth/ips': '10.1.0.9/24, fd00::9', 'berth/mac': '02:00:00:00:00:09' };
    expect(runtimeConfig(PodSandboxConfig.fromPartial({ annotations }), '/x')).toMatchObject({
      ips: ['10.1.0.9/24', 'fd00::9'],
      mac: '02:00:00:00:00:09',
    });
    expect(runtimeConfig(config, '/x')).not.toHaveProperty('ips');
  });
});

describe('resultAddresses', () => {
  test('gives the addresses in the order of the result', () => {
    const result = JSON.stringify({
      ips: [{ address: '10.1.0.5/16', gateway: '10.1.0.1' }, { address: 'fd00::5/64' }],
    });
    expect(resultAddresses(result, 'n')).toEqual([
      { ip: '10.1.0.5', prefix: 16 },
      { ip: 'fd00::5', prefix: 64 },
    ]);
  });

  test('knows results of before version 0.3.0', () => {
    const result = JSON.stringify({ ip4: { ip: '10.1.0.5/24' }, ip6: { ip: 'fd00::5' }, dns: {} });
    expect(resultAddresses(result, 'n')).toEqual([
      { ip: '10.1.0.5', prefix: 24 },
      { ip: 'fd00::5', prefix: 128 },
    ]);
  });

  test.each([
    ['', /not JSON/],
    ['{"ips":[{}]}', /not a CNI result/],
    ['{"ips":[{"address":"$(reboot)/1"}]}', /instead of an address/],
    ['{"ips":[{"address":"10.0.0.1/33"}]}', /instead of an address/],
    ['{"ips":[{"address":"10.0.0.1/2/4"}]}', /instead of an address/],
    ['{}', /no address/],
  ])('refuses %j', (text, message) => {
    expect(() => resultAddresses(text, 'n')).toThrow(message);
  });
});
