import { step, together } from '../base';
import {
  hostFacts,
  joinedUserNamespace,
  podCgroup,
  sandboxHostname,
  sharesHostIpc,
  sharesHostNetwork,
  userNamespaceOf,
  type Sandboxes,
} from '../pods';
import {
  accountFileLimit,
  cdiDeviceNames,
  ociCgroupsPath,
  resolveUser,
  userRequest,
  type ContainerSpecInput,
  type PidNamespace,
  type ResolvedUser,
  type SandboxPart,
} from '../spec';
import type { ContainerRecord, ImageRecord, SandboxRecord } from '../state';
import type { ContainerConfig } from '../wire';
import type { CreateParts } from './create-parts';
import { resolveDevices } from './devices';
import { mountImageVolumes } from './image-volumes';
import { resolveMountSources } from './mount-sources';
import { pidNamespace } from './pid-namespace';
import { readSeccompProfile } from './seccomp-file';

/** Reads everything that the container's spec is made from; its root file system is mounted by now. */
export async function gatherSpecInput(
  parts: CreateParts,
  sandbox: SandboxRecord,
  record: ContainerRecord,
  image: ImageRecord,
  rootfsPath: string,
): Promise<ContainerSpecInput> {
  const { id } = record;
  const [user, config, devices, seccompProfile, pids, hooks, cdi] = await together([
    resolveContainerUser(parts, id, rootfsPath, record.config, image),
    step('create-container.volumes', () => mountImageVolumes(parts, record, userNamespaceOf(sandbox.config))).then(
      resolveMountSources,
    ),
    resolveDevices(record.config, parts.additionalDevices()),
    readSeccompProfile(id, record.config),
    pidNamespace(parts.kernel, record.config, sandbox, parts.table),
    parts.hooks(),
    parts.cdiDevices(cdiDeviceNames(id, record.config)),
  ]);
  const { recursiveReadOnlyMounts, idmappedMounts } = parts.featuresOf(sandbox.handler);
  return {
    id,
    config,
    sandbox: sandboxPart(sandbox, pids),
    image: image.config,
    user,
    rootfsPath,
    cgroupPath: ociCgroupsPath({ ...podCgroup(sandbox), path: record.cgroupPath }),
    files: podFiles(parts.sandboxes, sandbox),
    devices,
    facts: { ...hostFacts(parts.kernel), recursiveReadOnlyMounts, idmappedMounts },
    defaults: parts.specDefaults(),
    seccompProfile,
    allowedAnnotations: parts.handlers.allowedAnnotations(sandbox.handler),
    hooks,
    cdi,
  };
}

function sandboxPart(sandbox: SandboxRecord, pids: PidNamespace): SandboxPart {
  const userns = joinedUserNamespace(sandbox);
  return {
    id: sandbox.id,
    config: sandbox.config,
    ...(sandbox.netns ? { netns: sandbox.netns } : {}),
    ...(sandbox.ipcns ? { ipcns: sandbox.ipcns } : {}),
    ...(sandbox.utsns ? { utsns: sandbox.utsns } : {}),
    ...(userns && { userns }),
    pidNamespace: pids,
    hostname: sandboxHostname(sandbox.config),
  };
}

function podFiles(sandboxes: Sandboxes, sandbox: SandboxRecord) {
  const { resolvConf, hostname, shm } = sandboxes.paths(sandbox.id);
  return {
    resolvConf,
    ...(sharesHostNetwork(sandbox.config) ? {} : { hostname }),
    shm: sharesHostIpc(sandbox.config) ? '/dev/shm' : shm,
  };
}

async function resolveContainerUser(
  parts: CreateParts,
  id: string,
  rootfs: string,
  config: ContainerConfig,
  image: ImageRecord,
): Promise<ResolvedUser> {
  const read = async (path: string) =>
    (await parts.kernel.readInRoot(rootfs, path, accountFileLimit))?.toString('utf8');
  const [passwd, group] = await Promise.all([read('/etc/passwd'), read('/etc/group')]);
  return resolveUser({ ...userRequest(id, config, image.config.user), passwd, group });
}
