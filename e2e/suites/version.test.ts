import { CgroupDriver } from '../../src/wire';
import { environment, usesSlices } from '../support/environment';
import { berthTest, useWorld } from '../support/suite';

const suite = useWorld();

test('Version names the runtime and the API version v1', async () => {
  const version = await suite.world.cri.version();
  expect(version.runtimeName).toBe(environment().kind);
  expect(version.runtimeApiVersion).toBe('v1');
  expect(version.runtimeVersion).not.toBe('');
});

test('Status says that runtime and network are ready', async () => {
  const { status } = await suite.world.cri.status();
  const ready = Object.fromEntries(status?.conditions.map(({ type, status: is }) => [type, is]) ?? []);
  expect(ready).toMatchObject({ RuntimeReady: true, NetworkReady: true });
});

berthTest('Status has a handler with an empty name for the default', async () => {
  const { runtimeHandlers } = await suite.world.cri.status();
  expect(runtimeHandlers.map(({ name }) => name)).toContain('');
});

test('Status tells more when it is asked to', async () => {
  const { info } = await suite.world.cri.status(true);
  const config: unknown = JSON.parse(info['config'] ?? '');
  expect(config).toEqual(expect.any(Object));
});

berthTest('RuntimeConfig names the cgroup driver', async () => {
  const { linux } = await suite.world.cri.runtimeConfig();
  expect(linux?.cgroupDriver).toBe(usesSlices() ? CgroupDriver.SYSTEMD : CgroupDriver.CGROUPFS);
});
