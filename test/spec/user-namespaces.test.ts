import { containerSpec, infraSpec, podUserNamespace, validateSandbox } from '../../src/spec';
import { PodSandboxConfig, type IDMapping, type NamespaceOption } from '../../src/wire';
import { facts, refusalOf, secured, specInput } from './fixture';

const range = (hostId: number, over: Partial<IDMapping> = {}): IDMapping => ({
  hostId,
  containerId: 0,
  length: 65_536,
  ...over,
});

type Wish = NonNullable<NonNullable<Parameters<typeof PodSandboxConfig.fromPartial>[0]>['linux']>['securityContext'];
const wish = (uids: readonly IDMapping[], gids = uids, over: Partial<NamespaceOption> = {}): Wish => ({
  namespaceOptions: {
    network: 0,
    pid: 1,
    ipc: 0,
    ...over,
    usernsOptions: { mode: 0, uids: [...uids], gids: [...gids] },
  },
});
const mode = (value: number): Wish => ({ namespaceOptions: { usernsOptions: { mode: value } } });
const configOf = (securityContext: Wish) =>
  PodSandboxConfig.fromPartial({
    metadata: { name: 'web', namespace: 'shop', uid: 'u-1', attempt: 0 },
    linux: { securityContext },
  });
const at = 'config.linux.security_context.namespace_options.userns_options';

describe('a pod’s wish', () => {
  test.each([
    ['the kubelet’s', wish([range(131_072)])],
    ['ids of groups elsewhere', wish([range(131_072)], [range(262_144)])],
    ['a range of another length, beside the node’s ids', wish([range(1000, { length: 100_000 })])],
    ['up to the last id', wish([range(4_294_901_759)])],
    ['a shared PID namespace', wish([range(131_072)], undefined, { pid: 0 })],
    ['the node’s', mode(2)],
    ['none', { namespaceOptions: {} }],
  ])('takes %s', (_what, securityContext) => {
    expect(() => validateSandbox(configOf(securityContext), 'RunPodSandbox')).not.toThrow();
  });

  test.each([
    ['no mappings', mode(0), `${at}.uids has 0 mappings: mode POD takes exactly one`],
    ['two mappings', wish([range(65_536), range(131_072)]), `${at}.uids has 2 mappings`],
    ['no mapping of groups', wish([range(65_536)], []), `${at}.gids has 0 mappings`],
    ['a root that is not mapped', wish([range(65_536, { containerId: 1 })]), `${at}.uids[0].container_id is 1`],
    ['the node’s root', wish([range(65_536)], [range(0)]), `${at}.gids[0].host_id is 0`],
    ['a range without nobody', wish([range(65_536, { length: 65_535 })]), `${at}.uids[0].length is 65535`],
    ['ids past the last', wish([range(4_294_901_760)]), `${at}.uids[0] ends at 4294967295`],
    ['two lengths', wish([range(65_536)], [range(65_536, { length: 131_072 })]), `${at}.gids[0].length is 131072`],
    ['the node’s network', wish([range(65_536)], undefined, { network: 2 }), 'namespace_options.network is NODE'],
    ['the node’s processes', wish([range(65_536)], undefined, { pid: 2 }), 'namespace_options.pid is NODE'],
    ['the node’s IPC', wish([range(65_536)], undefined, { ipc: 2 }), 'namespace_options.ipc is NODE'],
    ['CONTAINER', mode(1), `${at}.mode is 1: not POD or NODE`],
    ['TARGET', mode(3), `${at}.mode is 3: not POD or NODE`],
    [
      'mappings of the node’s',
      { namespaceOptions: { usernsOptions: { mode: 2, gids: [range(65_536)] } } },
      `${at}: mode NODE takes no mappings`,
    ],
  ])('refuses %s', (_what, securityContext, words) => {
    const refusal = refusalOf(() => validateSandbox(configOf(securityContext), 'RunPodSandbox'));
    expect(refusal).toMatchObject({ code: 'argument-invalid', message: expect.stringContaining(words) as string });
  });

  test('is its mappings only where it is for a namespace of its own', () => {
    const of = (securityContext: Wish) =>
      podUserNamespace(configOf(securityContext).linux?.securityContext?.namespaceOptions);
    expect(of(wish([range(65_536)], [range(131_072)]))).toEqual({ uids: [range(65_536)], gids: [range(131_072)] });
    expect([of(mode(2)), of({ namespaceOptions: {} }), of({})]).toEqual([undefined, undefined, undefined]);
    expect(podUserNamespace(undefined)).toBeUndefined();
  });
});

describe('a container', () => {
  const pod = wish([range(131_072)], [range(262_144)]);
  const userns = { path: '/ns/user', uids: [range(131_072)] as const, gids: [range(262_144)] as const };
  const sandbox = { userns, config: { linux: { securityContext: pod } } };
  const linux = {
    uidMappings: [{ containerID: 0, hostID: 131_072, size: 65_536 }],
    gidMappings: [{ containerID: 0, hostID: 262_144, size: 65_536 }],
  };

  test.each([
    ['that repeats the pod’s options', secured(pod ?? {})],
    ['that says nothing of it', secured({ namespaceOptions: {} })],
  ])('%s joins the namespace by its path, first of all, with the mappings', (_what, config) => {
    const { spec } = containerSpec(specInput({ config, sandbox }));
    expect(spec.linux.namespaces.slice(0, 2)).toEqual([{ type: 'mount' }, { type: 'user', path: '/ns/user' }]);
    expect(spec.linux).toMatchObject(linux);
  });

  test('of a pod without one has no mappings', () => {
    const { spec } = containerSpec(specInput({ config: secured(mode(2) ?? {}) }));
    expect(JSON.stringify(spec.linux)).not.toMatch(/Mappings|"user"/);
  });

  test.each([
    ['another range', wish([range(524_288)]), pod],
    ['the node’s', mode(2), pod],
    ['a namespace that the pod has not', pod, undefined],
  ])('with %s is refused', (_what, own, pods) => {
    const input = specInput({ config: secured(own ?? {}), sandbox: { config: { linux: { securityContext: pods } } } });
    expect(refusalOf(() => containerSpec(input))).toMatchObject({
      code: 'argument-invalid',
      message: expect.stringContaining("security_context.namespace_options.userns_options are not the pod's") as string,
    });
  });

  test.each([
    [{ uid: 65_536, gid: 0, additionalGids: [0] }, /user 65536 .* 65536 ids/],
    [{ uid: 1, gid: 1, additionalGids: [1, 70_000] }, /group 70000 /],
  ])('as %j is refused: there is no such id', (user, message) => {
    const input = specInput({ sandbox, user: { ...user, home: '/' } });
    expect(refusalOf(() => containerSpec(input))).toMatchObject({
      code: 'container-user',
      message: expect.stringMatching(message) as string,
    });
  });

  test('cannot have its mounts seen by the node', () => {
    const mounts = [{ containerPath: '/m', hostPath: '/h', propagation: 2 }];
    expect(refusalOf(() => containerSpec(specInput({ sandbox, config: { mounts } })))).toMatchObject({
      code: 'container-mount',
      message: expect.stringContaining('BIDIRECTIONAL') as string,
    });
  });

  test('that holds the PID namespace joins it, too', () => {
    const spec = infraSpec({
      sandboxId: 's1',
      config: configOf(pod),
      namespaces: { userns },
      rootfsPath: '/pause',
      cgroupPath: '/pod/infra',
      facts,
    });
    expect(spec.linux.namespaces).toContainEqual({ type: 'user', path: '/ns/user' });
    expect(spec.linux).toMatchObject(linux);
  });
});

describe('mounts with mappings', () => {
  const mount = {
    containerPath: '/m',
    hostPath: '/h',
    uidMappings: [range(131_072)],
    gidMappings: [range(262_144), range(7, { containerId: 65_536, length: 1 })],
  };

  test('are the runtime’s to map', () => {
    const { spec } = containerSpec(specInput({ config: { mounts: [mount] }, facts: { idmappedMounts: true } }));
    expect(spec.mounts.find(({ destination }) => destination === '/m')).toEqual({
      destination: '/m',
      type: 'bind',
      source: '/h',
      options: ['rbind', 'rprivate', 'rw'],
      uidMappings: [{ containerID: 0, hostID: 131_072, size: 65_536 }],
      gidMappings: [
        { containerID: 0, hostID: 262_144, size: 65_536 },
        { containerID: 65_536, hostID: 7, size: 1 },
      ],
    });
  });

  test.each([
    ['where there are none', {}, false, /"\/m": uid_mappings: idmapped mounts are not offered/],
    ['of users alone', { gidMappings: [] }, true, /gid_mappings has 0 ranges/],
    ['of groups alone', { uidMappings: [] }, true, /uid_mappings has 0 ranges/],
    ['of no length', { uidMappings: [range(1, { length: 0 })] }, true, /uid_mappings\[0\]\.length is 0/],
    ['of more ranges than there can be', { uidMappings: Array<IDMapping>(341).fill(range(1)) }, true, /341 ranges/],
  ])('%s are refused', (_what, over, idmappedMounts, message) => {
    const input = specInput({ config: { mounts: [{ ...mount, ...over }] }, facts: { idmappedMounts } });
    expect(refusalOf(() => containerSpec(input))).toMatchObject({
      code: 'container-mount',
      message: expect.stringMatching(message) as string,
    });
  });
});
