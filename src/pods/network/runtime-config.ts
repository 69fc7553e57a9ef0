import type { PodSandboxConfig } from '../../wire';

/** What plugins may be told beside their configuration, by capability (CNI conventions). */
type RuntimeConfig = Record<string, unknown>;

/** CRI's Protocol, by number, as plugins and firewalls call it. */
export const protocols = ['tcp', 'udp', 'sctp'] as const;

/** By these a pod asks for addresses (with or without their prefix, a comma between them) and a MAC address. */
const ipsAnnotation = 'berth/ips';
const macAnnotation = 'berth/mac';

/** Everything that this pod has to say; a plugin is given only the capabilities that it advertises. */
export function runtimeConfig(config: PodSandboxConfig, cgroupPath: string): RuntimeConfig {
  const all: RuntimeConfig = {
    portMappings: config.portMappings
      .filter((mapping) => mapping.hostPort > 0)
      .map((mapping) => ({
        hostPort: mapping.hostPort,
        containerPort: mapping.containerPort,
        protocol: protocols[Math.max(0, mapping.protocol)] ?? 'tcp',
        ...(mapping.hostIp ? { hostIP: mapping.hostIp } : {}),
      })),
    cgroupPath,
    'io.kubernetes.cri.pod-annotations': config.annotations,
  };
  const { dnsConfig } = config;
  if (dnsConfig) all['dns'] = { servers: dnsConfig.servers, searches: dnsConfig.searches, options: dnsConfig.options };
  const { annotations } = config;
  const bandwidth = bandwidthOf(annotations);
  if (bandwidth) all['bandwidth'] = bandwidth;
  const ips = wordsOf(annotations[ipsAnnotation]);
  if (ips.length > 0) all['ips'] = ips;
  const mac = annotations[macAnnotation];
  if (mac) all['mac'] = mac;
  return all;
}

/** The part of it that one plugin advertises; undefined if that is nothing. */
export function advertised(all: RuntimeConfig, capabilities: Record<string, boolean> = {}): RuntimeConfig | undefined {
  const entries = Object.entries(all).filter(([capability]) => capabilities[capability]);
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

const units: Record<string, number> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** kubernetes.io/{in,e}gress-bandwidth are quantities in bits per second; bursts are the most that the plugin takes. */
function bandwidthOf(annotations: Record<string, string>): Record<string, number> | undefined {
  const ingress = quantity(annotations['kubernetes.io/ingress-bandwidth']);
  const egress = quantity(annotations['kubernetes.io/egress-bandwidth']);
  if (ingress === undefined && egress === undefined) return undefined;
  const burst = 2 ** 31 - 1;
  return {
    ...(ingress === undefined ? {} : { ingressRate: ingress, ingressBurst: burst }),
    ...(egress === undefined ? {} : { egressRate: egress, egressBurst: burst }),
  };
}

function wordsOf(text = ''): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

function quantity(text: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(text ?? '');
  const unit = units[match?.[2] ?? ''];
  return match && unit !== undefined ? Math.round(Number(match[1]) * unit) : undefined;
}
