import type { Message } from '../message';
import { contradictions, type ContradictionsOf } from './contradiction';

const { refused, served, either } = contradictions('RunPodSandbox');
const context = 'config.linux.security_context';
const ownNetwork = { [`${context}.namespace_options`]: { network: 0n, pid: 1n } };
const port = (host: bigint, more: Message = {}): Message => ({ host_port: host, container_port: 80n, ...more });

/** What a pod cannot be. */
export const podContradictions: ContradictionsOf = ({ folder, stopped }) => [
  refused('a host port twice', { ...ownNetwork, 'config.port_mappings': [port(31_999n), port(31_999n)] }),
  refused('a host port twice, on the node’s network', { 'config.port_mappings': [port(31_999n), port(31_999n)] }),
  served('port mappings on the node’s network', { 'config.port_mappings': [port(31_998n)] }),
  refused('a host port beyond the last', { ...ownNetwork, 'config.port_mappings': [port(65_536n)] }),
  refused('a host port below 0', { ...ownNetwork, 'config.port_mappings': [port(-1n)] }),
  refused('a host port to none', { ...ownNetwork, 'config.port_mappings': [{ host_port: 31_999n }] }),
  refused('a protocol that CRI has not', { ...ownNetwork, 'config.port_mappings': [port(31_999n, { protocol: 9n })] }),
  refused('a host address that is none', {
    ...ownNetwork,
    'config.port_mappings': [port(31_999n, { host_ip: 'node' })],
  }),
  either('a host address that is another node’s', {
    ...ownNetwork,
    'config.port_mappings': [port(31_999n, { host_ip: '203.0.113.9' })],
  }),
  either('a host port of IPv6 alone', { ...ownNetwork, 'config.port_mappings': [port(31_999n, { host_ip: '::1' })] }),

  ...[
    ['of the node', 'kernel.panic', '1'],
    ['of the node’s network', 'net.ipv4.ip_forward', '1'],
    ['by a path', '../../kernel/panic', '1'],
    ['by a path through dots', 'net/ipv4/../../kernel/panic', '1'],
    ['without a name', '', '1'],
  ].map(([name = '', key = '', value = '']) =>
    refused(`a sysctl ${name}`, { 'config.linux.sysctls': [{ key, value }] }),
  ),
  ...[
    ['that the kernel has not', 'net.ipv4.not_there', '1'],
    ['with a value that is none', 'net.ipv4.ip_forward', 'perhaps'],
    ['with a value that is too long', 'net.ipv4.ip_forward', '1'.repeat(100_000)],
    ['that is a folder', 'net.ipv4.conf', '1'],
    ['that can be read only', 'net.netfilter.nf_conntrack_count', '1'],
    ['of IPC with words', 'kernel.shmmax', 'all'],
    ['of IPC that is not there', 'kernel.shm_not_there', '1'],
    ['with a NUL', 'net.ipv4.ip_forward', '1\u00001'],
  ].map(([name = '', key = '', value = '']) =>
    refused(`a sysctl ${name}`, { ...ownNetwork, 'config.linux.sysctls': [{ key, value }] }),
  ),
  served('a sysctl with slashes', {
    ...ownNetwork,
    'config.linux.sysctls': [{ key: 'net/ipv4/ip_forward', value: '1' }],
  }),
  either('a sysctl with a line break', {
    ...ownNetwork,
    'config.linux.sysctls': [{ key: 'net.ipv4.ip_forward', value: '1\n' }],
  }),

  ...[
    '/..',
    '..',
    '/a/../b',
    'relative',
    '/',
    '//',
    '/a//b',
    '/x/',
    '../../..',
    '/malformed\0x',
    `/${'n'.repeat(300)}`,
    '/a.slice',
    '/./a',
  ].map((parent) =>
    refused(`the cgroup ${JSON.stringify(parent.slice(0, 20))}`, { 'config.linux.cgroup_parent': parent }),
  ),
  refused('a cgroup with a line break', { 'config.linux.cgroup_parent': '/berth-malformed\nx' }),
  served('a cgroup of its own', { 'config.linux.cgroup_parent': '/berth-malformed-own' }),
  refused('a cgroup too deep for a path', { 'config.linux.cgroup_parent': `/berth-malformed${'/d'.repeat(3000)}` }),

  ...[
    'relative/logs',
    '../logs',
    '/etc/hostname',
    '/etc/hostname/logs',
    '/proc/logs',
    `${folder}/a\0b`,
    `${folder}/${'n'.repeat(300)}`,
    `${folder}${'/d'.repeat(3000)}`,
  ].map((path) => refused(`logs in ${JSON.stringify(path.slice(-20))}`, { 'config.log_directory': path })),

  refused('a name of 65 bytes', { 'config.hostname': 'h'.repeat(65) }),
  refused('a name with a line break', { 'config.hostname': 'a\nb' }),
  refused('a server of names with a line break', {
    'config.dns_config': { servers: ['10.0.0.1\nnameserver 6.6.6.6'] },
  }),
  refused('33 domains', { 'config.dns_config': { searches: Array.from({ length: 33 }, (_, n) => `d${n}.test`) } }),
  either('a server of names that is none', { 'config.dns_config': { servers: ['nowhere'] } }),

  ...(['network', 'pid', 'ipc'] as const).flatMap((kind) => [
    refused(`${kind} of a container`, {
      [`${context}.namespace_options`]: { network: 2n, pid: 1n, [kind]: 3n, target_id: stopped.id },
    }),
    refused(`${kind} that CRI has not`, { [`${context}.namespace_options`]: { network: 2n, pid: 1n, [kind]: 9n } }),
  ]),
  either('a network of each container', { [`${context}.namespace_options`]: { network: 1n, pid: 1n } }),
  refused('a user namespace without mappings', {
    [`${context}.namespace_options`]: { network: 2n, userns_options: {} },
  }),
  refused('a user namespace of another', {
    [`${context}.namespace_options`]: { network: 2n, userns_options: { mode: 3n } },
  }),
  either('a user that is the kernel’s nobody', { [`${context}.run_as_user`]: { value: 2n ** 32n - 1n } }),
  either('a seccomp profile without an end', {
    [`${context}.seccomp`]: { profile_type: 2n, localhost_ref: '/dev/zero' },
  }),
  either('a shared PID namespace', { [`${context}.namespace_options`]: { network: 2n, pid: 0n } }),
  refused('a handler that is not there', { runtime_handler: 'nobody' }),
  refused('a handler that is a path', { runtime_handler: '../../bin/sh' }),
  refused('for Windows', { 'config.windows': {} }),
  refused('without a name', { 'config.metadata.name': undefined }),
  refused('without a namespace', { 'config.metadata.namespace': undefined }),
  refused('without a uid', { 'config.metadata.uid': undefined }),
  ...['a;b=c', 'a\nb', 'a\0b', `${'n'.repeat(200_000)}`, '../..'].map((name) =>
    either(`a pod of the network called ${JSON.stringify(name.slice(0, 20))}`, {
      ...ownNetwork,
      'config.metadata.name': name,
    }),
  ),
];
