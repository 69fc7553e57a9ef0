import { isIP } from 'node:net';
import type { PodSandboxConfig } from '../../wire';
import { protocols } from '../network/runtime-config';

/** A port of the host that leads to one of a pod. */
export interface HostPort {
  /** An address of the host; empty: all of them, 0.0.0.0 and ::: all of that family. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: (typeof protocols)[number];
}

/** What the pod's config asks for; a mapping without a host port is none. */
export function hostPortsOf({ portMappings }: PodSandboxConfig): readonly HostPort[] {
  return portMappings
    .filter(({ hostPort }) => hostPort > 0)
    .map(({ hostIp, hostPort, containerPort, protocol }) => ({
      hostIp: canonical(hostIp),
      hostPort,
      containerPort,
      protocol: protocols[Math.max(0, protocol)] ?? 'tcp',
    }));
}

/** Whether one packet could be for both. */
export function overlap(a: HostPort, b: HostPort): boolean {
  if (a.hostPort !== b.hostPort || a.protocol !== b.protocol) return false;
  const families = familiesOf(a).filter((family) => familiesOf(b).includes(family));
  return families.length > 0 && (isWildcard(a.hostIp) || isWildcard(b.hostIp) || a.hostIp === b.hostIp);
}

/** The address families whose packets it takes. */
export function familiesOf({ hostIp }: HostPort): readonly (4 | 6)[] {
  return hostIp === '' ? [4, 6] : [isIP(hostIp) === 6 ? 6 : 4];
}

/** All addresses of a family, or of both. */
export function isWildcard(hostIp: string): boolean {
  return hostIp === '' || hostIp === '0.0.0.0' || hostIp === '::';
}

/** `TCP port 80 of 10.0.0.1`. */
export function nameOf({ protocol, hostPort, hostIp }: HostPort): string {
  return `${protocol.toUpperCase()} port ${hostPort} of ${hostIp === '' ? 'the host' : hostIp}`;
}

/** One address of IPv6 can be written in many ways. The config has been checked: it is an address. */
function canonical(ip: string): string {
  return isIP(ip) === 6 ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip;
}
