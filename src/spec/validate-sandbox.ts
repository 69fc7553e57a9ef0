import { isIP } from 'node:net';
import { BerthError, type ErrorCode } from '../base';
import type { DNSConfig, PodSandboxConfig, PortMapping } from '../wire';
import { userNamespaceProblem } from './user-namespaces';
import { namespaceMode, protocol } from './cri';
import { pathProblem } from './path-problem';
import { checkResources } from './resource-checks';

/** The kernel's __NEW_UTS_LEN. */
const hostnameMax = 64;

/** Kubernetes' limits of a pod's dnsConfig (MaxDNSSearchPaths, MaxDNSSearchListChars). */
const searchesMax = 32;
const searchCharsMax = 2048;

/**
 * Checks the fields of a pod's config that would fail late, or reach beyond the pod.
 * @throws `argument-invalid` or `not-implemented`, naming pod and field.
 */
export function validateSandbox(config: PodSandboxConfig, op: string): void {
  const { metadata } = config;
  const pod = metadata ? `pod ${metadata.namespace}/${metadata.name}`.slice(0, 600) : 'pod';
  const refuse: Refuse = (detail, code = 'argument-invalid') => {
    throw new BerthError(code, { op, object: pod, detail });
  };
  if (!metadata?.name || !metadata.namespace || !metadata.uid) {
    refuse('config.metadata needs name, namespace and uid');
  }
  for (const field of ['name', 'namespace', 'uid'] as const) checkName(field, metadata?.[field] ?? '', refuse);
  checkHostname(config.hostname, refuse);
  checkLogDirectory(config.logDirectory, refuse);
  if (config.dnsConfig) checkDns(config.dnsConfig, refuse);
  config.portMappings.forEach((mapping, index) => checkPort(mapping, index, config.portMappings, refuse));
  checkResourcesOf(config, op, pod);
  checkLinux(config, refuse);
}

type Refuse = (detail: string, code?: ErrorCode) => never;

function checkHostname(hostname: string, refuse: Refuse): void {
  const length = Buffer.byteLength(hostname);
  if (length > hostnameMax) refuse(`config.hostname has ${length} bytes; Linux takes ${hostnameMax}`);
  if (hostname !== '' && !isWord(hostname))
    refuse(`config.hostname ${JSON.stringify(hostname)} has white space or control characters`);
}

const protocols: readonly number[] = Object.values(protocol);
const lastPort = 65535;

/** Four times what Kubernetes gives its longest names: plugins get them by their environment, which the kernel limits. */
const longestName = 1024;

/** CNI_ARGS has the names with semicolons between them (CNI spec, section 2). */
function checkName(field: string, name: string, refuse: Refuse): void {
  const length = Buffer.byteLength(name);
  if (length > longestName) refuse(`config.metadata.${field} has ${length} bytes; at most ${longestName}`);
  if (/[;\p{Cc}]/u.test(name)) refuse(`config.metadata.${field} has a semicolon or control characters`);
}

/** Absolute, or it would lie wherever berthd was started. */
function checkLogDirectory(path: string, refuse: Refuse): void {
  if (path === '') return;
  const climbs = path.split('/').includes('..') ? 'leads upwards by ".."' : undefined;
  const problem = path.startsWith('/') ? (pathProblem(path) ?? climbs) : 'is not absolute';
  if (problem) refuse(`config.log_directory ${JSON.stringify(path.slice(0, 200))} ${problem}`);
}

/** A mapping without a host port is none: kubelets send one for each port that a container names. */
function checkPort(mapping: PortMapping, index: number, all: readonly PortMapping[], refuse: Refuse): void {
  const { containerPort, hostPort, hostIp, protocol: its } = mapping;
  const field = `config.port_mappings[${index}]`;
  if (hostPort < 0 || hostPort > lastPort) refuse(`${field}.host_port is ${hostPort}: it goes from 0 to ${lastPort}`);
  if (containerPort < (hostPort > 0 ? 1 : 0) || containerPort > lastPort)
    refuse(`${field}.container_port is ${containerPort}: it goes from 1 to ${lastPort}`);
  if (!protocols.includes(its)) refuse(`${field}.protocol is ${its}: not TCP, UDP or SCTP`);
  if (hostIp !== '' && (isIP(hostIp) === 0 || hostIp.includes('%')))
    refuse(`${field}.host_ip is ${JSON.stringify(hostIp)}: no address, or one of an interface`);
  const same = all.findIndex(
    (other) => other.hostPort === hostPort && other.hostIp === hostIp && other.protocol === its,
  );
  if (hostPort > 0 && same < index)
    refuse(`${field} takes host port ${hostPort} as config.port_mappings[${same}] does`);
}

/** Words only: a newline would be a line of its own in resolv.conf. */
function checkDns(dns: DNSConfig, refuse: Refuse): void {
  for (const field of ['servers', 'searches', 'options'] as const) {
    const wrong = dns[field].find((word) => !isWord(word));
    if (wrong !== undefined) {
      refuse(
        `config.dns_config.${field} has ${JSON.stringify(wrong)}: empty, or with white space or control characters`,
      );
    }
  }
  if (dns.searches.length > searchesMax) {
    refuse(`config.dns_config.searches has ${dns.searches.length} domains; at most ${searchesMax}`);
  }
  if (dns.searches.join(' ').length > searchCharsMax) {
    refuse(`config.dns_config.searches has more than ${searchCharsMax} characters`);
  }
}

function checkResourcesOf({ linux }: PodSandboxConfig, op: string, object: string): void {
  for (const field of ['overhead', 'resources'] as const) {
    const resources = linux?.[field];
    if (resources) checkResources({ op, object, field: `config.linux.${field}` }, resources);
  }
}

function checkLinux({ linux }: PodSandboxConfig, refuse: Refuse): void {
  if (!linux) return;
  if (linux.cgroupParent.split('/').includes('..')) refuse('config.linux.cgroup_parent leaves its parent by ".."');
  const options = linux.securityContext?.namespaceOptions;
  for (const kind of ['network', 'pid', 'ipc'] as const) {
    const mode: number = options?.[kind] ?? namespaceMode.pod;
    if (mode !== namespaceMode.pod && mode !== namespaceMode.container && mode !== namespaceMode.node)
      refuse(`namespace_options.${kind} is ${mode}: a pod has POD, CONTAINER or NODE`);
  }
  const problem = userNamespaceProblem(options);
  if (problem) refuse(`config.linux.security_context.${problem}`);
  const onHost = (mode: number | undefined): boolean => mode === namespaceMode.node;
  const host = { net: onHost(options?.network), ipc: onHost(options?.ipc) };
  for (const [name, value] of Object.entries(linux.sysctls)) {
    const wrong = sysctlProblem(name, value, host);
    if (wrong) refuse(`config.linux.sysctls: ${JSON.stringify(name)} ${wrong}`);
  }
}

/** More than any has. */
const longestSysctl = 255;

/** Whether a sysctl belongs to a namespace of the pod is all that is judged here: the kubelet judges safety. */
function sysctlProblem(name: string, value: string, host: { net: boolean; ipc: boolean }): string | undefined {
  if (name.length > longestSysctl || !/^[\w-]+([./][\w-]+)+$/.test(name)) return 'is not the name of a sysctl';
  if (value.includes('\0')) return 'has a NUL byte in its value';
  const dotted = name.replaceAll('/', '.');
  if (dotted.startsWith('net.'))
    return host.net ? 'would be set for the whole node: the pod is on its network' : undefined;
  if (/^(kernel\.(sem\w*|msg\w+|shm\w+)|fs\.mqueue\.\w+)$/.test(dotted)) {
    return host.ipc ? "would be set for the whole node: the pod uses the node's IPC namespace" : undefined;
  }
  return 'is of no namespace: it would be set for the whole node';
}

function isWord(text: string): boolean {
  return /^[^\s\p{Cc}]+$/u.test(text);
}
