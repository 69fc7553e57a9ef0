import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareVersions, loadNetworkList, parseNetworkList } from '../../src/pods/network/conf-list';
import { resultIps } from '../../src/pods/network/result';
import { advertised, runtimeConfig } from '../../src/pods/network/runtime-config';
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

test.each([
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

test('the first valid file by name counts; without one the first error is told', async () => {
  await expect(loadNetworkList(folder)).rejects.toMatchObject({ code: 'network-not-ready' });
  await writeFile(join(folder, '00-bad.conf'), '{');
  await writeFile(join(folder, 'README'), list({ name: 'ignored' }));
  await expect(loadNetworkList(folder)).rejects.toThrow(/00-bad\.conf/);
  await writeFile(join(folder, '20-b.conflist'), list({ name: 'b' }));
  await writeFile(join(folder, '10-a.conflist'), list({ name: 'a' }));
  await expect(loadNetworkList(folder)).resolves.toMatchObject({ name: 'a' });
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
});

describe('resultIps', () => {
  test('gives the addresses in the order of the result', () => {
    const result = JSON.stringify({
      ips: [{ address: '10.1.0.5/16', gateway: '10.1.0.1' }, { address: 'fd00::5/64' }],
    });
    expect(resultIps(result, 'n')).toEqual(['10.1.0.5', 'fd00::5']);
  });

  test.each([
    ['', /not JSON/],
    ['{"ips":[{}]}', /not a CNI result/],
    ['{"ips":[{"address":"$(reboot)/1"}]}', /instead of an address/],
    ['{}', /no address/],
  ])('refuses %j', (text, message) => {
    expect(() => resultIps(text, 'n')).toThrow(message);
  });
});
