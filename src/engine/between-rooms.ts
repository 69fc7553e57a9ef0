import { availableParallelism } from 'node:os';
import { type Observations, PacedSlots } from '../base';
import type { Config } from '../config';
import type { ImageFiles, ImageUser } from '../image';
import { processorIdleMs, type Kernel } from '../kernel';
import type { NetworkSettings } from '../pods';
import { createOciRuntime, observedRuntime, type OciRuntime } from '../runtime';
import type { SpecDefaults } from '../spec';
import type { ContainerRecord, SandboxRecord, Table } from '../state';
import { timeZoneFile } from './time-zone';

/** The files that say where images come from, and which are let in. */
export function imageFiles({ image }: Config): ImageFiles {
  return {
    registriesConf: { path: image.registries_conf, dropInDir: `${image.registries_conf}.d` },
    policy: {
      file: image.signature_policy,
      namespaceDir: image.signature_policy_dir,
      registriesDir: image.registries_d,
    },
  };
}

/** Where networks and plugins are. */
export function networkSettings({ network }: Config): NetworkSettings {
  return {
    confDir: network.cni_conf_dir,
    binDirs: network.cni_bin_dirs,
    defaultNetwork: network.default_network,
  };
}

/** The pods that hold something of this network, or may: from before their first ADD until after their last DEL. */
export function attachedTo(network: string, sandboxes: Table<SandboxRecord>): readonly string[] {
  const attached = [...sandboxes.values()].filter((pod) => pod.network?.attached && pod.network.name === network);
  return attached.map(({ id }) => id);
}

/** A container may have mounted its own image and those of its volumes. */
export function imageUsers({ id, imageId, volumeImages = [], createdAt, reaped }: ContainerRecord): ImageUser[] {
  const mounted = reaped !== true;
  return [imageId, ...volumeImages].map((image) => ({ containerId: id, imageId: image, createdAt, mounted }));
}

/** When the container ended; undefined while its root may be mounted. */
export function endedAt(container: ContainerRecord | undefined): bigint | undefined {
  return container?.reaped === true ? container.exit?.finishedAt : undefined;
}

/** One command-line client for each runtime that records name, whatever the configuration says now. */
export function runtimes(
  kernel: Kernel,
  sandboxes: Table<SandboxRecord>,
  observations: Observations,
): (record: ContainerRecord) => OciRuntime {
  const known = new Map<string, OciRuntime>();
  return ({ sandboxId, runtimePath: path, runtimeRoot: root, runtimeOptions: options = [] }) => {
    const handler = sandboxes.get(sandboxId)?.handler ?? '';
    const key = JSON.stringify([handler, path, root, options]);
    let runtime = known.get(key);
    if (!runtime) {
      runtime = observedRuntime(createOciRuntime({ kernel, path, root, options }), handler, observations);
      known.set(key, runtime);
    }
    return runtime;
  };
}

/** Passes each text on the first time only. */
export function once(say: (text: string) => void): (text: string) => void {
  const said = new Set<string>();
  return (text) => {
    if (said.has(text)) return;
    said.add(text);
    say(text);
  };
}

/** What the configuration adds to every container. */
export function specDefaults(config: Config): SpecDefaults {
  const { default_env: env, default_capabilities: capabilities, default_ulimits: ulimits, pids_limit } = config.runtime;
  const localtime = timeZoneFile(config);
  return { env, capabilities, ulimits, pidsLimit: pids_limit, ...(localtime !== undefined && { localtime }) };
}

/** For programs that are started in bursts: two to a processor, so that one goes on while another waits for a lock. */
export function pacedPrograms(what: string): PacedSlots {
  return new PacedSlots(2 * availableParallelism(), processorIdleMs, what);
}
