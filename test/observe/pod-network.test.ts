import { silentLog } from '../../src/base';
import { FakeKernel, type InterfaceCounters } from '../../src/kernel';
import { PodNetworks } from '../../src/observe/pod-network';

const counters = (name: string, rxBytes: bigint): InterfaceCounters => ({
  name,
  rxBytes,
  rxPackets: 1n,
  rxErrors: 0n,
  rxDrops: 0n,
  txBytes: 0n,
  txPackets: 0n,
  txErrors: 0n,
  txDrops: 0n,
});

const settled = () => new Promise((resolve) => setImmediate(resolve));

function watched() {
  const kernel = new FakeKernel();
  const closing = new AbortController();
  const pods = [{ id: 'a', netns: '/run/netns/a' }, { id: 'host' }, { id: 'gone', netns: '/run/netns/gone' }];
  const networks = new PodNetworks(kernel, () => pods, silentLog(), closing.signal);
  kernel.script('interfaceCounters', async () => [[counters('lo', 9n), counters('eth0', 5n)], undefined]);
  return { kernel, closing, networks };
}

test('all networks are read at once, in the background, without lo', async () => {
  const { kernel, networks } = watched();
  expect(networks.of('a')).toBeUndefined();
  expect(networks.of('gone')).toBeUndefined();
  await settled();
  expect(kernel.callsOf('interfaceCounters')).toEqual([[['/run/netns/a', '/run/netns/gone']]]);
  expect(networks.of('a')).toMatchObject({ interfaces: [counters('eth0', 5n)] });
  expect(networks.of('a')?.timestamp).toBeGreaterThan(0n);
  expect(networks.of('gone')).toBeUndefined();
  expect(networks.of('host')).toBeUndefined();
});

test('a failure leaves what was read before', async () => {
  const { kernel, networks } = watched();
  await networks.sample();
  kernel.failNext('interfaceCounters', new Error('the launcher is gone'));
  await networks.sample();
  expect(networks.of('a')).toMatchObject({ interfaces: [counters('eth0', 5n)] });
});

test('nothing is read once berthd stops', async () => {
  const { kernel, closing, networks } = watched();
  closing.abort();
  networks.of('a');
  await networks.sample();
  expect(kernel.calls).toEqual([]);
});
