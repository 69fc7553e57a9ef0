import { BerthError } from '../../../src/base';
import { asksOtherFamily } from '../../../src/pods/network/portmap-check';

const four = '10.9.0.5/24';
const six = 'fd00:9::5/64';
const says = (detail: string) =>
  new BerthError('network-plugin-failed', {
    op: 'CNI CHECK',
    object: 'plugin portmap',
    detail: `${detail} (CNI code 999)`,
  });
const chain = 'chain CNI-DN-4582aa0107e99fe07775f not found in iptables table nat';
const rulesOf = (address: string) =>
  `rule [[-p tcp --dport 80 -s ${four} -j CNI-HOSTPORT-SETMARK] [-p tcp --dport 80 -j DNAT --to-destination ${address}:80]] ` +
  'in chain CNI-DN-4582aa0107e99fe07775f not found in table nat';

test.each([
  [`could not check ipv6 dnat: ${chain}`, [four]],
  [`could not check ipv4 dnat: ${chain}`, [six]],
  [`could not check ipv6 dnat: ${rulesOf('10.9.0.5')}`, [four, six]],
  [`could not check ipv4 dnat: ${rulesOf('[fd00:9::5]')}`, [six]],
])('it is the plugin’s fault: %s, of a pod with %j', (detail, addresses) => {
  expect(asksOtherFamily(says(detail), resultOf(addresses), 'net')).toBe(true);
});

test.each([
  [`could not check ipv4 dnat: ${chain}`, [four]],
  [`could not check ipv6 dnat: ${chain}`, [six]],
  [`could not check ipv6 dnat: ${chain}`, [four, six]],
  [`could not check ipv4 dnat: ${rulesOf('10.9.0.5')}`, [four]],
  [`could not check ipv6 dnat: ${rulesOf('[fd00:9::5]')}`, [four, six]],
  ['could not check ipv4 dnat: rule [[-p tcp --destination-ports 80]] in chain CNI-HOSTPORT-DNAT not found', [four]],
  ['neither iptables nor ip6tables usable', [four]],
  ['Required prevResult missing', [four]],
])('it is the pod’s fault: %s, of a pod with %j', (detail, addresses) => {
  expect(asksOtherFamily(says(detail), resultOf(addresses), 'net')).toBe(false);
});

test('what is no failure of a plugin is not judged', () => {
  const late = new BerthError('deadline-exceeded', { op: 'CNI CHECK', detail: `could not check ipv6 dnat: ${chain}` });
  expect(asksOtherFamily(late, resultOf([four]), 'net')).toBe(false);
  expect(asksOtherFamily(new Error(`could not check ipv6 dnat: ${chain}`), resultOf([four]), 'net')).toBe(false);
});

function resultOf(addresses: readonly string[]): string {
  return JSON.stringify({ cniVersion: '1.0.0', ips: addresses.map((address) => ({ address })) });
}
