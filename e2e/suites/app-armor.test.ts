import { status } from '@grpc/grpc-js';
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { SecurityProfile_ProfileType as ProfileType, type LinuxContainerSecurityContext } from '../../src/wire';
import { feed } from '../support/machine';
import { rejection } from '../support/matchers';
import { berthTest, useWorld } from '../support/suite';

const enabled = '/sys/module/apparmor/parameters/enabled';
const isOn = existsSync(enabled) && readFileSync(enabled, 'utf8').startsWith('Y');
const suite = useWorld();
const name = 'berth-e2e-custom';

const start = (securityContext: Partial<LinuxContainerSecurityContext>) =>
  suite.world.start({ linux: { securityContext } });
const localhost = (localhostRef: string) => ({ apparmor: { profileType: ProfileType.Localhost, localhostRef } });
const profileOf = (container: { id: string }) => suite.world.sh(container, 'cat /proc/1/attr/current');
const own = (container: { id: string }) => suite.world.sh(container, 'cat /proc/self/attr/current');

(isOn ? describe : describe.skip)('where AppArmor is on', () => {
  beforeAll(() => feed('apparmor_parser', ['--replace', '--skip-cache'], profile));
  afterAll(() => feed('apparmor_parser', ['--remove'], profile));
  const profile = `profile ${name} flags=(attach_disconnected) { file, network, capability, signal, ptrace, deny /tmp/kept w, }`;

  berthTest('a container has the default profile, and what it runs by exec too', async () => {
    const container = await start({});
    expect(await profileOf(container)).toBe('berth-default (enforce)');
    expect(await own(container)).toBe('berth-default (enforce)');
    expect(await readFile('/sys/kernel/security/apparmor/profiles', 'utf8')).toContain('berth-default (enforce)');
  });

  test('the default profile keeps the kernel’s settings, and signals pass among processes', async () => {
    const container = await start({ capabilities: allCapabilities });
    const { world } = suite;
    expect(await world.sh(container, 'sleep 1000 & kill -9 $! && echo killed')).toBe('killed');
    expect(await world.sh(container, 'mount -t tmpfs none /tmp 2>/dev/null && echo mounted || echo denied')).toBe(
      'denied',
    );
    expect(await world.sh(container, '(echo h > /proc/sysrq-trigger) 2>/dev/null && echo written || echo denied')).toBe(
      'denied',
    );
    await world.cri.stop(container.id, 0);
  });

  test('a profile of the node is taken by its name', async () => {
    const container = await start(localhost(name));
    expect(await profileOf(container)).toBe(`${name} (enforce)`);
    expect(await suite.world.sh(container, '(echo x > /tmp/kept) 2>/dev/null && echo written || echo denied')).toBe(
      'denied',
    );
  });

  test('Unconfined has none, and a privileged container none by default', async () => {
    const unconfined = { apparmor: { profileType: ProfileType.Unconfined, localhostRef: '' } };
    expect(await profileOf(await start(unconfined))).toBe('unconfined');
    const { world } = suite;
    const linux = { securityContext: { privileged: true } };
    const pod = await world.runPod(world.podConfig({ host: true, linux }));
    expect(await profileOf(await world.start({ linux }, pod))).toBe('unconfined');
  });

  berthTest('a profile that is not loaded is refused by its name', async () => {
    const error = await rejection(start(localhost('berth-e2e-nowhere')));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).toMatch(/berth-e2e-nowhere.*not loaded/);
  });
});

const allCapabilities = { addCapabilities: ['ALL'], dropCapabilities: [], addAmbientCapabilities: [] };
