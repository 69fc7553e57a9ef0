import type { PodSandboxConfig } from '../wire';
import { podAnnotations } from './annotations';
import { ociVersion } from './container-spec';
import type { HostFacts, SandboxPart } from './input';
import { defaultMounts } from './mounts/defaults';
import { containerNamespaces, idMappings } from './namespaces';
import type { Spec } from './oci';
import { clampOomScore } from './process/oom-score';
import { defaultProfile } from './seccomp/default-profile';
import { noCapabilities } from './security/capabilities';
import { usualPaths } from './security/paths';

export interface InfraSpecInput {
  readonly sandboxId: string;
  readonly config: PodSandboxConfig;
  /** Pinned namespaces by absolute path; absent is the host's. */
  readonly namespaces: Pick<SandboxPart, 'netns' | 'ipcns' | 'utsns' | 'userns'>;
  /** A folder that has /pause, proc, dev and sys. */
  readonly rootfsPath: string;
  readonly cgroupPath: string;
  readonly facts: HostFacts;
}

/** With the kubelet's own (-999) among the last to be killed: the pod's processes end with it. */
const infraOomScore = -998;

/** Nobody's id, as the kernel's overflow id: the holder of a PID namespace needs no rights. */
const nobody = 65534;

/**
 * The spec of the process that is PID 1 of a pod's shared PID namespace: no rights, nothing writable, the usual filter.
 * A score that must be raised is not told: each daemon without CAP_SYS_RESOURCE has that.
 */
export function infraSpec({ sandboxId, config, namespaces, rootfsPath, cgroupPath, facts }: InfraSpecInput): Spec {
  return {
    ociVersion,
    process: {
      terminal: false,
      user: { uid: nobody, gid: nobody, additionalGids: [] },
      args: ['/pause'],
      env: ['PATH=/'],
      cwd: '/',
      capabilities: noCapabilities,
      noNewPrivileges: true,
      oomScoreAdj: clampOomScore(infraOomScore, facts).value,
      ...(facts.appArmor?.defaultProfile && { apparmorProfile: facts.appArmor.defaultProfile }),
    },
    root: { path: rootfsPath, readonly: true },
    mounts: defaultMounts(false).filter(({ destination }) => ['/proc', '/dev'].includes(destination)),
    annotations: podAnnotations('sandbox', sandboxId, config.metadata),
    linux: {
      namespaces: containerNamespaces({ ...namespaces, pidNamespace: { kind: 'container' } }, facts, false),
      ...idMappings(namespaces.userns),
      cgroupsPath: cgroupPath,
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      devices: [],
      ...usualPaths,
      seccomp: defaultProfile(facts.arch ?? process.arch, new Set()),
    },
  };
}
