import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Observations, step } from '../base';
import type { Kernel, ProcessIdentity } from '../kernel';
import {
  cgroupOptions,
  createOciRuntime,
  createSettled,
  observedRuntime,
  startContainerMonitor,
  type Handlers,
} from '../runtime';
import { containerPlace, infraSpec, ociCgroupsPath, type CgroupPlace } from '../spec';
import type { SandboxRecord } from '../state';
import { podCgroup } from './cgroup';
import { hostFacts } from './host-facts';
import type { SandboxPaths } from './paths';
import { joinedUserNamespace } from './user-namespace';

/** The pause container of pods that share their PID namespace: the namespace lives as long as its first process. */
export interface Infra {
  /** The runtime that a pod of this handler will use, for its record. */
  runtimeOf(handler: string): Promise<InfraRuntime>;
  start(
    record: SandboxRecord & { readonly infraRuntime: InfraRuntime },
    paths: SandboxPaths,
    signal?: AbortSignal,
  ): Promise<ProcessIdentity>;
  /** Ends and deletes it. Idempotent. */
  stop(record: SandboxRecord, signal?: AbortSignal): Promise<void>;
}

type InfraRuntime = NonNullable<SandboxRecord['infraRuntime']>;

export interface InfraParts {
  readonly kernel: Kernel;
  readonly handlers: Handlers;
  readonly conmonPath: string;
  readonly pausePath: string;
  readonly runRoot: string;
  /** Told of what the OCI runtimes of pauses are asked for. */
  readonly observations?: Observations;
}

/** The name of a sandbox's pause container to the OCI runtime. */
const infraId = (sandboxId: string) => `infra-${sandboxId}`;

const place = (record: SandboxRecord): CgroupPlace => containerPlace(podCgroup(record), infraId(record.id));

/** Runs pauses from one read-only root file system that holds nothing but the program. */
export function createInfra(parts: InfraParts): Infra {
  const { kernel, handlers, conmonPath, pausePath, runRoot, observations = new Observations() } = parts;
  const rootfs = join(runRoot, 'pause');
  let made: Promise<void> | undefined;
  const makeRootfs = async (): Promise<void> => {
    await Promise.all(['proc', 'dev', 'sys'].map((name) => mkdir(join(rootfs, name), { recursive: true })));
    await copyFile(pausePath, join(rootfs, 'pause'));
  };
  // The monitor's socket lies beside those of containers: the sandbox's own id names it.
  const socketPath = (id: string) => join(runRoot, 's', id.slice(0, 16));

  const runtimeOf = async (handler: string): Promise<InfraRuntime> => {
    const { path, root, options } = await handlers.resolve(handler);
    return { path, root, options };
  };

  return {
    runtimeOf,

    async start(record, paths, signal) {
      const { id } = record;
      await (made ??= makeRootfs());
      await mkdir(paths.infra, { recursive: true, mode: 0o700 });
      const spec = infraSpec({
        sandboxId: id,
        config: record.config,
        namespaces: {
          netns: record.netns,
          ipcns: record.ipcns,
          utsns: record.utsns,
          userns: joinedUserNamespace(record),
        },
        rootfsPath: rootfs,
        cgroupPath: ociCgroupsPath(place(record)),
        facts: hostFacts(kernel),
      });
      await writeFile(join(paths.infra, 'config.json'), JSON.stringify(spec), { mode: 0o600 });
      const { path, root, options } = record.infraRuntime;
      const monitor = await startContainerMonitor(kernel, {
        conmonPath,
        id: infraId(id),
        bundle: paths.infra,
        runtimePath: path,
        runtimeRoot: root,
        runtimeOptions: [...options, ...cgroupOptions(record.cgroupDriver)],
        socketPath: socketPath(id),
        exitFile: join(paths.infra, 'exit'),
        pidFile: join(paths.infra, 'pid'),
        signal,
      });
      try {
        const { handler } = record;
        const time = <T>(operation: string, work: () => Promise<T>) =>
          observations.time({ kind: 'runtime', operation, handler }, work);
        const init = await step('run-pod.infra-create', () => time('create', () => monitor.created(signal)));
        await step('run-pod.infra-start', () => time('start', () => monitor.start(signal)));
        return init;
      } finally {
        monitor.close();
      }
    },

    async stop(record, signal) {
      const runtime = record.infraRuntime ?? (await runtimeOf(record.handler));
      const options = [...runtime.options, ...cgroupOptions(record.cgroupDriver)];
      await createSettled(socketPath(record.id));
      const oci = observedRuntime(createOciRuntime({ kernel, ...runtime, options }), record.handler, observations);
      await oci.delete(infraId(record.id), signal);
      await kernel.removeCgroup(place(record).path, signal);
      // A monitor that was killed has left its socket.
      await rm(socketPath(record.id), { force: true });
    },
  };
}
