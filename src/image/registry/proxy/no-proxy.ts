import { BlockList, isIP } from 'node:net';

/** A host as NO_PROXY's rules see it. */
interface Target {
  /** Lower case, without brackets. */
  readonly host: string;
  readonly port: number;
}

type Rule = (target: Target) => boolean;

/**
 * Reads NO_PROXY as Go's programs do: names (`example.com` is that and what is below it, `.example.com` and
 * `*.example.com` only what is below), addresses, CIDRs, each but CIDRs with a port if wanted, and `*` for all.
 */
export function parseNoProxy(text: string): (url: URL) => boolean {
  const rules = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(ruleOf);
  return (url) => {
    const target = targetOf(url);
    return isLoopback(target.host) || rules.some((rule) => rule(target));
  };
}

function ruleOf(entry: string): Rule {
  if (entry === '*') return () => true;
  const subnet = subnetOf(entry);
  if (subnet) return ({ host }) => contains(subnet, host);
  const { host, port } = splitPort(entry);
  const fits = ({ port: asked }: Target) => port === undefined || port === asked;
  if (isIP(host) !== 0) {
    const single = new BlockList();
    single.addAddress(host, familyOf(host));
    return (target) => fits(target) && contains(single, target.host);
  }
  const name = host.replace(/^\*(?=\.)/, '');
  if (name.startsWith('.')) return (target) => fits(target) && target.host.endsWith(name);
  return (target) => fits(target) && (target.host === name || target.host.endsWith(`.${name}`));
}

function subnetOf(entry: string): BlockList | undefined {
  const [, address = '', prefix] = /^(.*)\/([0-9]{1,3})$/.exec(entry) ?? [];
  const bits = Number(prefix);
  if (isIP(address) === 0 || bits > (isIP(address) === 4 ? 32 : 128)) return undefined;
  const subnet = new BlockList();
  subnet.addSubnet(address, bits, familyOf(address));
  return subnet;
}

// A bare IPv6 address has colons of its own: only brackets set its port off.
function splitPort(entry: string): Partial<Target> & { readonly host: string } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::([0-9]+))?$/.exec(entry) ?? [];
  const host = bracketed ?? plain ?? entry;
  return port === undefined ? { host } : { host, port: Number(port) };
}

function targetOf(url: URL): Target {
  const host = url.hostname.toLowerCase().replace(/^\[|\]$/g, '');
  return { host, port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port) };
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  return host === 'localhost' || contains(loopback, host);
}

function contains(list: BlockList, host: string): boolean {
  return isIP(host) !== 0 && list.check(host, familyOf(host));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
