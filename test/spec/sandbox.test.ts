import { constants } from 'node:os';
import { podResolvConf, stopSignal, validateSandbox } from '../../src/spec';
import { type NamespaceMode, PodSandboxConfig, type Protocol, Signal } from '../../src/wire';
import { refusalOf } from './fixture';

type Parts = NonNullable<Parameters<typeof PodSandboxConfig.fromPartial>[0]>;
const metadata = { name: 'web', namespace: 'shop', uid: 'u' };
const validate = (parts: Parts): void =>
  validateSandbox(PodSandboxConfig.fromPartial({ metadata, ...parts }), 'RunPodSandbox');

describe('podResolvConf', () => {
  const dns = { servers: ['10.0.0.10', 'fd00::10'], searches: ['a.svc', 'svc'], options: ['ndots:5', 'edns0'] };
  test('without a config the host’s text', () => {
    expect(podResolvConf(undefined, 'nameserver 1.1.1.1\n')).toBe('nameserver 1.1.1.1\n');
    expect(podResolvConf({ servers: [], searches: [], options: [] }, 'host')).toBe('host');
  });
  test('with one only what it says', () => {
    expect(podResolvConf(dns, 'host')).toBe(
      'search a.svc svc\nnameserver 10.0.0.10\nnameserver fd00::10\noptions ndots:5 edns0\n',
    );
    expect(podResolvConf({ ...dns, searches: [], options: [] }, 'host')).toBe(
      'nameserver 10.0.0.10\nnameserver fd00::10\n',
    );
  });
});

describe('stopSignal', () => {
  const named = Object.entries(Signal).filter(
    (entry): entry is [string, Signal] =>
      typeof entry[1] === 'number' && Number(entry[1]) > 0 && !entry[0].includes('SIGRT'),
  );
  test.each(named)('%s of CRI is the system’s', (name, value) => {
    const short = name.replace('SIGNAL_', '');
    // libc's older name of SIGCHLD is not among Node's constants.
    const expected = short === 'SIGCLD' ? 17 : constants.signals[short as NodeJS.Signals];
    expect(stopSignal(value, '')).toBe(expected);
  });
  test('there are 34 with names', () => {
    expect(named).toHaveLength(34);
  });
  test.each([
    [Signal.SIGNAL_RUNTIME_DEFAULT, '', 15],
    [Signal.SIGNAL_RUNTIME_DEFAULT, 'SIGINT', 2],
    [Signal.SIGNAL_SIGHUP, 'SIGINT', 1],
    [Signal.SIGNAL_SIGRTMIN, '', 34],
    [Signal.SIGNAL_SIGRTMINPLUS1, '', 35],
    [Signal.SIGNAL_SIGRTMINPLUS15, '', 49],
    [Signal.SIGNAL_SIGRTMAXMINUS14, '', 50],
    [Signal.SIGNAL_SIGRTMAXMINUS1, '', 63],
    [Signal.SIGNAL_SIGRTMAX, '', 64],
    [0, 'term', 15],
    [0, ' 9 ', 9],
    [0, '64', 64],
    [0, 'SIGRTMIN', 34],
    [0, 'rtmin+3', 37],
    [0, 'SIGRTMAX-2', 62],
    [0, 'SIGRTMAX', 64],
  ])('%s over %j is %s', (cri, image, expected) => {
    expect(stopSignal(cri, image)).toBe(expected);
  });
  test.each([
    [66, ''],
    [-1, ''],
    [0, 'SIGNONE'],
    [0, '0'],
    [0, '65'],
    [0, '-9'],
    [0, 'RTMIN+31'],
    [0, 'RTMIN-1'],
    [0, 'RTMAX+1'],
    [0, 'constructor'],
  ])('refuses %s, %j', (cri, image) => {
    expect(refusalOf(() => stopSignal(cri, image))).toMatchObject({ code: 'argument-invalid' });
  });
});

describe('validateSandbox', () => {
  const sysctls = (name: string, namespaceOptions = {}): Parts => ({
    linux: { sysctls: { [name]: '1' }, securityContext: { namespaceOptions } },
  });
  const accepted: [string, Parts][] = [
    ['little', {}],
    ['a hostname of 64', { hostname: 'h'.repeat(64) }],
    ['32 searches', { dnsConfig: { searches: Array.from({ length: 32 }, (_, i) => `d${i}.local`) } }],
    ['a network sysctl', sysctls('net.ipv4.ip_local_port_range')],
    ['a sysctl with slashes', sysctls('net/ipv4/conf/eth0.100/forwarding')],
    ['kernel.sem', sysctls('kernel.sem')],
    ['kernel.shm_rmid_forced', sysctls('kernel.shm_rmid_forced')],
    ['fs.mqueue.msg_max', sysctls('fs.mqueue.msg_max')],
    ['an ipc sysctl on the host network', sysctls('kernel.msgmax', { network: 2 })],
    ['ports that a container names', { portMappings: [{ containerPort: 80 }, { containerPort: 80, protocol: 1 }] }],
    [
      'one host port for two protocols, and for two addresses',
      {
        portMappings: [
          { containerPort: 80, hostPort: 8080 },
          { containerPort: 80, hostPort: 8080, protocol: 1 },
          { containerPort: 80, hostPort: 8080, hostIp: '::1' },
        ],
      },
    ],
  ];
  test.each(accepted)('accepts %s', (_name, parts) => {
    expect(() => validate(parts)).not.toThrow();
  });

  const refused: [string, Parts, RegExp, string?][] = [
    ['no metadata', { metadata: undefined }, /metadata/],
    ['no uid', { metadata: { ...metadata, uid: '' } }, /metadata/],
    ['a hostname of 65', { hostname: 'h'.repeat(65) }, /65 bytes/],
    ['a hostname of 64 bytes in fewer characters', { hostname: 'ü'.repeat(33) }, /66 bytes/],
    ['a hostname with a newline', { hostname: 'a\nb' }, /hostname/],
    ['a network of a container', { linux: { securityContext: { namespaceOptions: { network: 3 } } } }, /network is 3/],
    [
      'PIDs that CRI has not',
      { linux: { securityContext: { namespaceOptions: { pid: 9 as NamespaceMode } } } },
      /pid is 9/,
    ],
    ['a sysctl of a long name', sysctls(`net.${'n'.repeat(256)}`), /not the name of a sysctl/],
    [
      'a name of more than plugins get',
      { metadata: { ...metadata, name: 'n'.repeat(1025) } },
      /metadata\.name has 1025/,
    ],
    ['a uid that would be two for a plugin', { metadata: { ...metadata, uid: 'a;K8S_POD_NAME=b' } }, /metadata\.uid/],
    ['a log directory through dots', { logDirectory: '/var/x/../y' }, /log_directory.*upwards/],
    ['a relative log directory', { logDirectory: 'logs' }, /log_directory "logs" is not absolute/],
    ['a log directory of a long name', { logDirectory: `/${'n'.repeat(256)}` }, /log_directory.*255 bytes/],
    ['a log directory of a long path', { logDirectory: '/d'.repeat(2100) }, /log_directory.*4095 bytes/],
    ['a server with a newline', { dnsConfig: { servers: ['1.1.1.1\nsearch evil'] } }, /dns_config\.servers/],
    ['an empty option', { dnsConfig: { options: [''] } }, /dns_config\.options/],
    ['33 searches', { dnsConfig: { searches: Array<string>(33).fill('d') } }, /33 domains/],
    ['long searches', { dnsConfig: { searches: ['a'.repeat(1025), 'b'.repeat(1023)] } }, /2048/],
    ['a cgroup parent that climbs', { linux: { cgroupParent: '/a/../../b' } }, /cgroup_parent/],
    [
      'a host port that there is not',
      { portMappings: [{ containerPort: 1, hostPort: 65536 }] },
      /\[0\]\.host_port is 65536/,
    ],
    ['a container port that there is not', { portMappings: [{ hostPort: 80 }] }, /\[0\]\.container_port is 0/],
    [
      'a protocol that there is not',
      { portMappings: [{ containerPort: 1, protocol: 7 as Protocol }] },
      /\[0\]\.protocol is 7/,
    ],
    [
      'a host ip that is none',
      { portMappings: [{ containerPort: 1, hostPort: 1, hostIp: 'x' }] },
      /\[0\]\.host_ip is "x"/,
    ],
    [
      'a host port that is there twice',
      {
        portMappings: [
          { containerPort: 1, hostPort: 9 },
          { containerPort: 2, hostPort: 9 },
        ],
      },
      /\[1\] takes host port 9 as config\.port_mappings\[0\]/,
    ],
    ['a sysctl of the node', sysctls('kernel.panic'), /of no namespace/],
    ['a sysctl path that climbs', sysctls('net/../kernel/panic'), /not the name/],
    ['a sysctl without a dot', sysctls('net'), /not the name/],
    ['a net sysctl on the host network', sysctls('net.core.somaxconn', { network: 2 }), /whole node/],
    ['an ipc sysctl with the host’s ipc', sysctls('kernel.sem', { ipc: 2 }), /IPC/],
  ];
  test.each(refused)('refuses %s', (_name, parts, message, code = 'argument-invalid') => {
    expect(refusalOf(() => validate(parts))).toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
  test('names the pod', () => {
    expect(() => validate({ hostname: 'a b' })).toThrow(/RunPodSandbox: pod shop\/web: config\.hostname/);
  });
});
