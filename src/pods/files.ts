import { chown, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { BerthError, errnoOf, isBerthError, messageOf } from '../base';
import type { Kernel } from '../kernel';
import { namespaceMode, podResolvConf } from '../spec';
import type { PodSandboxConfig } from '../wire';
import type { SandboxPaths } from './paths';
import { rootOf, userNamespaceOf } from './user-namespace';

/** The size of a pod's /dev/shm where nothing else is said, as the peers have it. */
const shmBytes = 64 * 1024 ** 2;

/** Makes what the pod's containers share as files: resolv.conf, hostname and the memory behind /dev/shm. */
export async function makeSandboxFiles(kernel: Kernel, paths: SandboxPaths, config: PodSandboxConfig): Promise<void> {
  const owner = rootOf(userNamespaceOf(config));
  try {
    await mkdir(paths.shm, { recursive: true, mode: 0o755 });
    if (config.logDirectory) await makeLogDirectory(kernel, config.logDirectory);
    await Promise.all([
      writeShared(paths.resolvConf, podResolvConf(config.dnsConfig, await hostResolvConf()), owner),
      writeShared(paths.hostname, `${sandboxHostname(config)}\n`, owner),
    ]);
  } catch (error) {
    if (error instanceof BerthError) throw error;
    const full = errnoOf(error) === 'ENOSPC';
    throw new BerthError(full ? 'storage-full' : 'internal', {
      op: 'RunPodSandbox',
      object: paths.dir,
      detail: messageOf(error),
      cause: error,
    });
  }
  if (!sharesHostIpc(config)) {
    await kernel.mountTmpfs({
      target: paths.shm,
      sizeBytes: shmBytes,
      mode: 0o1777,
      ...owner,
      nosuid: true,
      nodev: true,
      noexec: true,
    });
  }
}

/**
 * A kubelet has made it already. What keeps it from being made is in the request, but for a full disk; below /proc Node's own
 * recursive mkdir would try for ever.
 */
async function makeLogDirectory(kernel: Kernel, path: string): Promise<void> {
  try {
    if ((await stat(path).catch(() => undefined))?.isDirectory()) return;
    await kernel.mkdirInRoot('/', path, 0o755, 0, 0);
  } catch (cause) {
    if (isBerthError(cause, 'storage-full', 'launcher-lost')) throw cause;
    throw new BerthError('argument-invalid', {
      op: 'RunPodSandbox',
      object: `config.log_directory ${path}`,
      detail: `it cannot be made: ${messageOf(cause)}`,
      cause,
    });
  }
}

/** A file that the pod's root may change. */
async function writeShared(path: string, text: string, { uid, gid }: ReturnType<typeof rootOf>): Promise<void> {
  await writeFile(path, text, { mode: 0o644 });
  await chown(path, uid, gid);
}

/** The name that the pod's processes see: the node's where the pod has no network of its own. */
export function sandboxHostname(config: PodSandboxConfig): string {
  return sharesHostNetwork(config) ? hostname() : config.hostname || hostname();
}

/** Whether the pod is on the node's network, and so under its name. */
export function sharesHostNetwork(config: PodSandboxConfig): boolean {
  return namespaceModeOf(config, 'network') === namespaceMode.node;
}

/** Whether the pod sees the node's IPC objects. */
export function sharesHostIpc(config: PodSandboxConfig): boolean {
  return namespaceModeOf(config, 'ipc') === namespaceMode.node;
}

/** Whether the pod's containers see one another's processes: that namespace needs a process to live. */
export function sharesPidNamespace(config: PodSandboxConfig): boolean {
  return namespaceModeOf(config, 'pid') === namespaceMode.pod;
}

/** CRI NamespaceMode as a number; undefined where no options are given: their zero value, POD, was then not meant. */
function namespaceModeOf(config: PodSandboxConfig, kind: 'network' | 'ipc' | 'pid'): number | undefined {
  return config.linux?.securityContext?.namespaceOptions?.[kind];
}

async function hostResolvConf(): Promise<string> {
  try {
    return await readFile('/etc/resolv.conf', 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
