import { BerthError } from '../../src/base';
import type { ContainerSpecInput, HostFacts, ImageDefaults } from '../../src/spec';
import { ContainerConfig, PodSandboxConfig } from '../../src/wire';

type ConfigParts = Parameters<typeof ContainerConfig.fromPartial>[0];
type SandboxParts = Parameters<typeof PodSandboxConfig.fromPartial>[0];

export const usualCapabilities =
  'CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_NET_BIND_SERVICE CAP_SETGID CAP_SETPCAP CAP_SETUID'.split(
    ' ',
  );

export const facts: HostFacts = {
  boundingCapabilities: [
    ...usualCapabilities.map((name) => name.slice(4).toLowerCase()),
    ...['net_raw', 'net_admin', 'sys_admin', 'sys_ptrace', 'mknod'],
  ],
  oomScoreAdj: 0,
  hasSysResource: false,
  cgroup: 'hybrid',
  arch: 'x64',
};

export const image: ImageDefaults = {
  user: '',
  env: [],
  entrypoint: [],
  cmd: ['/bin/sh'],
  workingDir: '',
  volumes: [],
  stopSignal: '',
};

interface Overrides extends Partial<Omit<ContainerSpecInput, 'config' | 'image' | 'facts' | 'sandbox'>> {
  readonly config?: ConfigParts;
  readonly image?: Partial<ImageDefaults>;
  readonly facts?: Partial<HostFacts>;
  readonly sandbox?: Partial<Omit<ContainerSpecInput['sandbox'], 'config'>> & { readonly config?: SandboxParts };
}

/** The input of a small pod's container; whatever a case is about is laid over it. */
export function specInput(over: Overrides = {}): ContainerSpecInput {
  const metadata = { name: 'web', namespace: 'shop', uid: 'u-1', attempt: 0 };
  return {
    id: 'c1',
    user: { uid: 0, gid: 0, additionalGids: [0], home: '/root' },
    rootfsPath: '/rootfs',
    cgroupPath: '/pod/c1',
    files: {},
    devices: [],
    defaults: { env: [] },
    allowedAnnotations: [],
    hooks: [],
    cdi: [],
    ...over,
    config: ContainerConfig.fromPartial({
      metadata: { name: 'nginx', attempt: 0 },
      image: { image: 'sha256:1', userSpecifiedImage: 'registry.example/nginx:1' },
      ...over.config,
    }),
    image: { ...image, ...over.image },
    facts: { ...facts, ...over.facts },
    sandbox: {
      id: 's1',
      netns: '/ns/net',
      ipcns: '/ns/ipc',
      utsns: '/ns/uts',
      pidNamespace: { kind: 'container' },
      hostname: 'web',
      ...over.sandbox,
      config: PodSandboxConfig.fromPartial({ metadata, ...over.sandbox?.config }),
    },
  };
}

/** A container's config with a security context; an empty one is there, too. */
export function secured(
  securityContext: NonNullable<NonNullable<NonNullable<ConfigParts>['linux']>['securityContext']>,
): NonNullable<ConfigParts> {
  return { linux: { securityContext } };
}

/** A sandbox in which privileged containers may run. */
export const privilegedSandbox: SandboxParts = { linux: { securityContext: { privileged: true } } };

/** The BerthError that a call throws; anything else fails the test. */
export function refusalOf(action: () => unknown): BerthError {
  try {
    action();
  } catch (error) {
    if (error instanceof BerthError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
