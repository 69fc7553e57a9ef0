import { execFileSync } from 'node:child_process';
import { hostPortsOf, overlap } from '../../../src/pods/host-ports/mappings';
import { ruleset, type Served } from '../../../src/pods/host-ports/ruleset';
import { PodSandboxConfig, Protocol } from '../../../src/wire';

const ports = (...portMappings: { hostPort: number; containerPort: number; protocol?: Protocol; hostIp?: string }[]) =>
  hostPortsOf(PodSandboxConfig.fromPartial({ portMappings }));

const served = (id: string, mapped: Served['ports'], ...addresses: string[]): Served => ({
  id,
  ports: mapped,
  addresses: addresses.map((text) => {
    const [ip = '', prefix] = text.split('/');
    return { ip, prefix: Number(prefix) };
  }),
});

/** nft itself reads it, and changes nothing. */
const check = (text: string) => execFileSync('nft', ['-c', '-f', '-'], { input: text });

/** The elements of one of the table's maps and sets. */
function elements(text: string, name: string): string[] {
  const inside = new RegExp(`(?:map|set) ${name} \\{.*?elements = \\{ (.*?) \\}`).exec(text)?.[1];
  return inside?.split(', ') ?? [];
}

describe('overlap', () => {
  const of = (hostIp: string, hostPort = 80, protocol = Protocol.TCP) => {
    const [port] = ports({ hostIp, hostPort, protocol, containerPort: 1 });
    if (!port) throw new Error('no mapping');
    return port;
  };

  test.each([
    ['', '10.0.0.1', true],
    ['', 'fd00::1', true],
    ['0.0.0.0', '10.0.0.1', true],
    ['0.0.0.0', '::', false],
    ['0.0.0.0', 'fd00::1', false],
    ['::', 'fd00::1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['10.0.0.1', '10.0.0.1', true],
    ['fd00::1', 'FD00:0:0::01', true],
  ])('%j and %j: %j', (a, b, expected) => {
    expect(overlap(of(a), of(b))).toBe(expected);
    expect(overlap(of(b), of(a))).toBe(expected);
  });

  test('is of one port and protocol', () => {
    expect(overlap(of(''), of('', 81))).toBe(false);
    expect(overlap(of(''), of('', 80, Protocol.UDP))).toBe(false);
  });
});

describe('ruleset', () => {
  test('without pods takes the table away, whether it is there or not', () => {
    expect(ruleset('berth-x', [])).toBe('add table inet berth-x\ndelete table inet berth-x\n');
    check(ruleset('berth-x', []));
  });

  test('has each port of each family that pod and host address have', () => {
    const mapped = ports(
      { hostPort: 80, containerPort: 8080 },
      { hostPort: 53, containerPort: 53, protocol: Protocol.UDP, hostIp: '10.0.0.1' },
      { hostPort: 53, containerPort: 53, protocol: Protocol.SCTP, hostIp: '::' },
    );
    const text = ruleset('berth-x', [
      served('a', mapped, '10.1.0.5/24', 'fd00::5/64'),
      served('b', ports({ hostPort: 81, containerPort: 81 }), '10.1.0.6/24'),
    ]);
    expect(elements(text, 'any4')).toEqual(['tcp . 80 : 10.1.0.5 . 8080', 'tcp . 81 : 10.1.0.6 . 81']);
    expect(elements(text, 'any6')).toEqual(['tcp . 80 : fd00::5 . 8080', 'sctp . 53 : fd00::5 . 53']);
    expect(elements(text, 'exact4')).toEqual(['10.0.0.1 . udp . 53 : 10.1.0.5 . 53']);
    expect(elements(text, 'exact6')).toEqual([]);
    expect(elements(text, 'near4')).toContain('10.1.0.5/24 . tcp . 80');
    check(text);
  });

  test('is valid where subnets and keys would meet', () => {
    const port = ports({ hostPort: 80, containerPort: 1 }, { hostPort: 80, containerPort: 1, hostIp: '0.0.0.0' });
    const at = (hostIp: string) => ports({ hostPort: 90, containerPort: 1, hostIp });
    const text = ruleset('berth-x', [
      served('a', port, '10.1.0.5/24'),
      served('b', at('10.9.0.1'), '10.1.0.5/24', 'fd00::5/64'),
      served('c', at('10.9.0.2'), '10.1.0.6/32', 'fd00::6/64'),
      served('d', at('10.9.0.3'), '10.1.0.7/16'),
    ]);
    expect(elements(text, 'any4')).toHaveLength(1);
    expect(elements(text, 'near4').filter((each) => each.endsWith('tcp . 90'))).toEqual([
      '127.0.0.0/8 . tcp . 90',
      '10.1.0.7/16 . tcp . 90',
    ]);
    check(text);
  });

  test('of a thousand ports is read at once', () => {
    const many = Array.from({ length: 500 }, (_, i) =>
      served(
        `p${i}`,
        ports({ hostPort: 1000 + i, containerPort: 80 }),
        `10.1.${i >> 8}.${i & 255}/16`,
        `fd00::${i}/64`,
      ),
    );
    check(ruleset('berth-x', many));
  });
});
