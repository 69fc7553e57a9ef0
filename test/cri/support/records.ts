import { ContainerConfig, PodSandboxConfig } from '../../../src/wire';
import type { ContainerRecord, ImageRecord, PodRecord } from '../../../src/cri/parts';

/** A whole id that begins with the given digits. */
export const id = (start: string): string => start.padEnd(64, '0');

export const imageId = `sha256:${id('c0ffee')}`;

/** A pod that is ready, with whatever the test wants otherwise. */
export function podRecord(over: Partial<PodRecord> & { readonly id: string }): PodRecord {
  return {
    v: 1,
    phase: 'ready',
    config: PodSandboxConfig.fromPartial({
      metadata: { name: 'web', uid: 'uid-1', namespace: 'shop', attempt: 2 },
      labels: { app: 'web' },
      annotations: { note: 'kept' },
      linux: { securityContext: { namespaceOptions: { pid: 1 } } },
    }),
    handler: 'runc',
    createdAt: 1_700_000_000_000_000_001n,
    bootId: 'boot',
    netns: '/run/netns/berth-1-web',
    cgroupParent: '/kubepods/pod1',
    ownsCgroup: false,
    network: { attached: true, ips: ['10.88.0.7', 'fd00::7'], name: 'bridge', result: '{}' },
    ...over,
  };
}

/** A container that runs, with whatever the test wants otherwise. */
export function containerRecord(over: Partial<ContainerRecord> & { readonly id: string }): ContainerRecord {
  return {
    v: 1,
    sandboxId: id('b0'),
    phase: 'running',
    config: ContainerConfig.fromPartial({
      metadata: { name: 'nginx', attempt: 1 },
      image: { image: imageId, userSpecifiedImage: 'example.org/nginx:1' },
      labels: { app: 'web', tier: 'front' },
      annotations: { note: 'kept' },
      mounts: [{ containerPath: '/data', hostPath: '/srv', readonly: true }],
      linux: { resources: { cpuShares: 512n } },
    }),
    imageId,
    imageRef: imageId,
    logPath: '/var/log/pods/web/nginx/1.log',
    createdAt: 11n,
    startedAt: 12n,
    runtimePath: '/usr/bin/runc',
    runtimeRoot: '/run/berth/runc',
    bootId: 'boot',
    cgroupPath: '/kubepods/pod1/ctr',
    user: { uid: 1002, gid: 1003, groups: [1003, 50000] },
    stopSignal: 15,
    init: { pid: 4242, startTime: 99n },
    ...over,
  };
}

/** An image with whatever the test wants otherwise. */
export function imageRecord(over: Partial<ImageRecord> = {}, user = ''): ImageRecord {
  return {
    v: 1,
    id: imageId,
    repoTags: ['example.org/nginx:1'],
    repoDigests: [`example.org/nginx@sha256:${id('d1')}`],
    manifestDigest: `sha256:${id('d1')}`,
    layers: [`sha256:${id('11')}`],
    chainIds: [`sha256:${id('12')}`],
    size: 12_345n,
    config: {
      user,
      env: ['A=1'],
      entrypoint: ['/nginx'],
      cmd: [],
      workingDir: '/',
      volumes: [],
      stopSignal: 'SIGQUIT',
      labels: { maintainer: 'nobody' },
    },
    pulledAt: 5n,
    ...over,
  };
}
