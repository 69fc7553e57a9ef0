import { containerSpec, type HostFacts } from '../../src/spec';
import { refusalOf, facts, privilegedSandbox, secured, specInput, usualCapabilities } from './fixture';

const all = facts.boundingCapabilities.map((name) => `CAP_${name.toUpperCase()}`).sort();
type Capability = { addCapabilities?: string[]; dropCapabilities?: string[]; addAmbientCapabilities?: string[] };

function capabilitiesOf(capabilities: Capability, over: { privileged?: boolean; defaults?: string[] } = {}) {
  return containerSpec(
    specInput({
      config: secured({ capabilities, privileged: over.privileged ?? false }),
      sandbox: { config: privilegedSandbox },
      defaults: { env: [], ...(over.defaults && { capabilities: over.defaults }) },
    }),
  );
}

describe('capabilities', () => {
  const cases: [string, Capability, string[]][] = [
    ['the usual nine', {}, usualCapabilities],
    [
      'add, any case, with or without CAP_',
      { addCapabilities: ['net_raw', 'CAP_Net_Admin'] },
      [...usualCapabilities, 'CAP_NET_ADMIN', 'CAP_NET_RAW'].sort(),
    ],
    ['add what is there', { addCapabilities: ['CHOWN'] }, usualCapabilities],
    ['drop', { dropCapabilities: ['cap_chown'] }, usualCapabilities.slice(1)],
    ['drop of an unknown name is nothing', { dropCapabilities: ['NONSENSE'] }, usualCapabilities],
    ['drop ALL', { dropCapabilities: ['all'] }, []],
    [
      'drop ALL, add one',
      { dropCapabilities: ['ALL'], addCapabilities: ['NET_BIND_SERVICE'] },
      ['CAP_NET_BIND_SERVICE'],
    ],
    ['add ALL', { addCapabilities: ['ALL'] }, all],
    [
      'add ALL, drop one',
      { addCapabilities: ['CAP_ALL'], dropCapabilities: ['MKNOD'] },
      all.filter((name) => name !== 'CAP_MKNOD'),
    ],
    ['add ALL and drop ALL', { addCapabilities: ['ALL'], dropCapabilities: ['ALL'] }, []],
    ['add and drop the same', { addCapabilities: ['NET_RAW'], dropCapabilities: ['NET_RAW'] }, usualCapabilities],
  ];
  test.each(cases)('%s', (_name, capabilities, expected) => {
    const { spec, notes } = capabilitiesOf(capabilities);
    expect(spec.process.capabilities).toEqual({
      bounding: expected,
      effective: expected,
      permitted: expected,
      inheritable: [],
      ambient: [],
    });
    expect(notes).toEqual([]);
  });

  test('privileged is all of the bounding set, whatever is dropped', () => {
    expect(
      capabilitiesOf({ dropCapabilities: ['ALL'] }, { privileged: true }).spec.process.capabilities.bounding,
    ).toEqual(all);
  });

  test('ambient ones are in every set; dropped ones in none', () => {
    const { capabilities } = capabilitiesOf({
      dropCapabilities: ['ALL', 'NET_RAW'],
      addAmbientCapabilities: ['NET_BIND_SERVICE', 'NET_RAW'],
    }).spec.process;
    const one = ['CAP_NET_BIND_SERVICE'];
    expect(capabilities).toEqual({ bounding: one, effective: one, permitted: one, inheritable: one, ambient: one });
  });

  test('what the daemon has not is cut and told', () => {
    const { spec, notes } = capabilitiesOf({
      addCapabilities: ['SYS_TIME', 'SYS_BOOT'],
      addAmbientCapabilities: ['SYS_TIME'],
    });
    expect(spec.process.capabilities.bounding).toEqual(usualCapabilities);
    expect(spec.process.capabilities.ambient).toEqual([]);
    expect(notes).toEqual([expect.stringMatching(/sys_time, sys_boot were left out/)]);
  });

  test('the configuration’s own defaults', () => {
    expect(capabilitiesOf({}, { defaults: ['CAP_NET_RAW', 'chown'] }).spec.process.capabilities.bounding).toEqual([
      'CAP_CHOWN',
      'CAP_NET_RAW',
    ]);
  });

  test.each([{ addCapabilities: ['NONSENSE'] }, { addAmbientCapabilities: ['CAP_'] }])('refuses %j', (capabilities) => {
    expect(refusalOf(() => capabilitiesOf(capabilities))).toMatchObject({
      code: 'argument-invalid',
      message: expect.stringMatching(/no capability of Linux/) as string,
    });
  });
});

test('a privileged container needs a privileged sandbox', () => {
  expect(() => containerSpec(specInput({ config: secured({ privileged: true }) }))).toThrow(/not privileged/);
});

describe('masked and read-only paths', () => {
  const paths = (config: Parameters<typeof specInput>[0]) => {
    const { maskedPaths, readonlyPaths } = containerSpec(specInput(config)).spec.linux;
    return { maskedPaths, readonlyPaths };
  };
  test('CRI’s lists as they are', () => {
    expect(paths({ config: secured({ maskedPaths: ['/a'], readonlyPaths: ['/b'] }) })).toEqual({
      maskedPaths: ['/a'],
      readonlyPaths: ['/b'],
    });
  });
  test('empty lists are none', () => {
    expect(paths({ config: secured({}) })).toEqual({ maskedPaths: [], readonlyPaths: [] });
  });
  test('without a security context the usual ones', () => {
    const usual = paths({});
    expect(usual.maskedPaths).toContain('/proc/kcore');
    expect(usual.readonlyPaths).toContain('/proc/sys');
  });
  test('privileged has none', () => {
    expect(
      paths({ config: secured({ privileged: true, maskedPaths: ['/a'] }), sandbox: { config: privilegedSandbox } }),
    ).toEqual({ maskedPaths: [], readonlyPaths: [] });
  });
  test.each([secured({ maskedPaths: ['a'] }), secured({ readonlyPaths: [''] })])('refuses relative ones', (config) => {
    expect(() => paths({ config })).toThrow(/not an absolute path/);
  });
});

describe('AppArmor', () => {
  const profile = (context: Parameters<typeof secured>[0], appArmor: HostFacts['appArmor']) =>
    containerSpec(specInput({ config: secured(context), facts: { appArmor }, sandbox: { config: privilegedSandbox } }))
      .spec.process.apparmorProfile;
  const on = { defaultProfile: 'berth-default' };
  const cases: [string, Parameters<typeof secured>[0], HostFacts['appArmor'], string | undefined][] = [
    ['unset is the default', {}, on, 'berth-default'],
    ['unset and off', {}, undefined, undefined],
    ['unset without a loaded default', {}, {}, undefined],
    ['unset and privileged', { privileged: true }, on, undefined],
    ['RuntimeDefault', { apparmor: { profileType: 0 } }, on, 'berth-default'],
    ['Unconfined', { apparmor: { profileType: 1 } }, on, undefined],
    ['Localhost', { apparmor: { profileType: 2, localhostRef: 'mine' } }, on, 'mine'],
    ['Localhost and privileged', { privileged: true, apparmor: { profileType: 2, localhostRef: 'mine' } }, on, 'mine'],
    [
      'the field over the old string',
      { apparmor: { profileType: 1 }, apparmorProfile: 'localhost/old' },
      on,
      undefined,
    ],
    ['old localhost', { apparmorProfile: 'localhost/old' }, on, 'old'],
    ['old default', { apparmorProfile: 'runtime/default' }, on, 'berth-default'],
    ['old unconfined', { apparmorProfile: 'unconfined' }, on, undefined],
  ];
  test.each(cases)('%s', (_name, context, appArmor, expected) => {
    expect(profile(context, appArmor)).toBe(expected);
  });
  test.each([
    [{ apparmor: { profileType: 2, localhostRef: 'mine' } }, undefined, /AppArmor is off/],
    [{ apparmor: { profileType: 2, localhostRef: '' } }, on, /without localhost_ref/],
    [{ apparmor: { profileType: 9 } }, on, /unknown profile_type/],
    [{ apparmorProfile: 'weird' }, on, /apparmor_profile is "weird"/],
  ])('refuses %j', (context, appArmor, message) => {
    expect(() => profile(context, appArmor)).toThrow(message);
  });
});

describe('SELinux', () => {
  const selinux = {
    processLabel: 'system_u:system_r:container_t:s0',
    mountLabel: 'system_u:object_r:container_file_t:s0',
  };
  const labels = (context: Parameters<typeof secured>[0], over: { selinux?: typeof selinux; pod?: object } = {}) => {
    const { spec } = containerSpec(
      specInput({
        config: secured(context),
        facts: { selinux: over.selinux },
        sandbox: { config: { linux: { securityContext: { privileged: true, selinuxOptions: over.pod } } } },
      }),
    );
    return [spec.process.selinuxLabel, spec.linux.mountLabel];
  };
  test('off: nothing, whatever is asked', () => {
    expect(labels({ selinuxOptions: { level: 's0:c1' } })).toEqual([undefined, undefined]);
  });
  test('on: the node’s labels, with CRI’s parts over them', () => {
    expect(labels({}, { selinux })).toEqual([selinux.processLabel, selinux.mountLabel]);
    expect(labels({ selinuxOptions: { type: 'spc_t', level: 's0:c1,c2' } }, { selinux })).toEqual([
      'system_u:system_r:spc_t:s0:c1,c2',
      'system_u:object_r:container_file_t:s0:c1,c2',
    ]);
  });
  test('the pod’s options where the container has none', () => {
    expect(labels({}, { selinux, pod: { level: 's0:c9' } })[0]).toBe('system_u:system_r:container_t:s0:c9');
  });
  test('privileged is not confined', () => {
    expect(labels({ privileged: true }, { selinux })).toEqual([undefined, undefined]);
  });
});
