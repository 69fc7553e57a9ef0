import type { DNSConfig } from '../wire';

/**
 * The pod's /etc/resolv.conf (resolv.conf(5)): the host's text if CRI gives no DNS config, else only what it gives.
 * The config has passed `validateSandbox`.
 */
export function podResolvConf(dns: DNSConfig | undefined, hostText: string): string {
  if (!dns || dns.servers.length + dns.searches.length + dns.options.length === 0) return hostText;
  const lines = [
    ...(dns.searches.length > 0 ? [`search ${dns.searches.join(' ')}`] : []),
    ...dns.servers.map((server) => `nameserver ${server}`),
    ...(dns.options.length > 0 ? [`options ${dns.options.join(' ')}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}
