import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ContainerConfig, ContainerState, NamespaceMode, PodSandboxConfig, type ContainerStatus } from '../../src/wire';
import { Cri, imageSpec, type PartialContainer, type PartialPod } from './cri';
import { images } from './fixtures';
import { run } from './machine';
import { parseLog, type LogLine } from './kubelet-log';
import { until } from './wait';

export interface Pod {
  readonly id: string;
  readonly config: PodSandboxConfig;
}

export interface Running {
  readonly id: string;
  readonly pod: Pod;
  readonly config: ContainerConfig;
  /** Absolute path of its log. */
  readonly log: string;
}

/** What one suite makes on a daemon: builders with good defaults, and the removal of all of it. */
export class World {
  private connection: Cri;
  private readonly pods = new Set<string>();
  /** Slices that pods of this suite were given, beside the suite's own: ours to remove, as a kubelet's are its. */
  private readonly slices = new Set<string>();

  private constructor(
    private readonly socket: string,
    /** A folder of the suite's own, for logs and mounts. */
    readonly dir: string,
    private readonly cgroupParent: string,
  ) {
    this.connection = new Cri(socket);
  }

  get cri(): Cri {
    return this.connection;
  }

  /** Ends the connection to a daemon that is gone, before it tries to find the next one. */
  disconnect(): void {
    this.connection.close();
  }

  /** A new connection, for a daemon that was started again: the old one would wait before it tries. */
  reconnect(): void {
    this.connection = new Cri(this.socket);
  }

  static async open(socket: string, cgroupParent: string): Promise<World> {
    return new World(socket, await mkdtemp(join(tmpdir(), 'berth-e2e-suite-')), cgroupParent);
  }

  /** A pod's configuration with names of its own; `host` puts it on the host's network. */
  podConfig({ host = false, ...over }: PartialPod & { readonly host?: boolean } = {}): PodSandboxConfig {
    const uid = randomUUID();
    const namespaceOptions = {
      network: host ? NamespaceMode.NODE : NamespaceMode.POD,
      pid: NamespaceMode.CONTAINER,
      ipc: NamespaceMode.POD,
    };
    return PodSandboxConfig.fromPartial({
      metadata: { name: `pod-${uid.slice(0, 8)}`, uid, namespace: 'e2e', attempt: 0 },
      logDirectory: join(this.dir, uid),
      labels: { suite: 'e2e', uid },
      ...over,
      linux: {
        ...over.linux,
        cgroupParent: this.cgroupParent,
        securityContext: { namespaceOptions, ...over.linux?.securityContext },
      },
    });
  }

  /** A container's configuration; like a kubelet it repeats the pod's namespaces. */
  containerConfig(over: PartialContainer & { readonly imageName?: string } = {}, pod?: Pod): ContainerConfig {
    const { imageName = images.busybox, ...rest } = over;
    const name = rest.metadata?.name ?? `c-${randomUUID().slice(0, 8)}`;
    const namespaceOptions = pod?.config.linux?.securityContext?.namespaceOptions;
    return ContainerConfig.fromPartial({
      image: imageSpec(imageName),
      command: ['sleep', '3600'],
      logPath: `${name}.log`,
      ...rest,
      metadata: { name, attempt: rest.metadata?.attempt ?? 0 },
      linux: { ...rest.linux, securityContext: { namespaceOptions, ...rest.linux?.securityContext } },
    });
  }

  async runPod(config: PodSandboxConfig = this.podConfig()): Promise<Pod> {
    await mkdir(config.logDirectory, { recursive: true });
    const parent = basename(config.linux?.cgroupParent ?? '');
    if (parent.endsWith('.slice') && parent !== this.cgroupParent) this.slices.add(parent);
    const id = await this.cri.runPod(config);
    this.pods.add(id);
    return { id, config };
  }

  /** Creates a container, in a pod of its own on the host's network unless one is given. */
  async create(over: PartialContainer & { readonly imageName?: string } = {}, inPod?: Pod): Promise<Running> {
    const pod = inPod ?? (await this.runPod(this.podConfig({ host: true })));
    const config = this.containerConfig(over, pod);
    const id = await this.cri.create(pod.id, config, pod.config);
    return { id, pod, config, log: join(pod.config.logDirectory, config.logPath) };
  }

  async start(over: PartialContainer & { readonly imageName?: string } = {}, inPod?: Pod): Promise<Running> {
    const created = await this.create(over, inPod);
    await this.cri.start(created.id);
    return created;
  }

  /** A shell script run to its end: its status and its log. */
  async runToEnd(
    script: string,
    over: PartialContainer & { readonly imageName?: string } = {},
    inPod?: Pod,
  ): Promise<{ readonly container: Running; readonly status: ContainerStatus; readonly lines: readonly LogLine[] }> {
    const container = await this.start({ command: ['sh', '-c', script], ...over }, inPod);
    const status = await this.exited(container.id);
    return { container, status, lines: await this.logOf(container) };
  }

  /** Waits until the container has exited. */
  exited(id: string): Promise<ContainerStatus> {
    return until(`container ${id} to exit`, async () => {
      const status = await this.cri.containerStatus(id);
      return status.state === ContainerState.CONTAINER_EXITED && status;
    });
  }

  async logOf({ log }: Pick<Running, 'log'>): Promise<readonly LogLine[]> {
    return parseLog(await readFile(log, 'utf8'));
  }

  /** The trimmed stdout of a command that must succeed. */
  async sh(container: Pick<Running, 'id'>, script: string): Promise<string> {
    const { stdout, stderr, exitCode } = await this.cri.execSync(container.id, ['sh', '-c', script]);
    if (exitCode !== 0) throw new Error(`${script}: exit ${exitCode}: ${stderr.toString()}`);
    return stdout.toString().trim();
  }

  /** A pod that the test has made by itself is removed with the rest. */
  adopt(podId: string): void {
    this.pods.add(podId);
  }

  async removePod(id: string): Promise<void> {
    await this.cri.stopPod(id);
    await this.cri.removePod(id);
    this.pods.delete(id);
  }

  /** Removes the pods, running or not; the connection stays for the leak check. */
  async clear(): Promise<void> {
    const results = await Promise.allSettled([...this.pods].map((id) => this.cri.removePod(id)));
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    this.pods.clear();
    if (this.slices.size > 0) await run('systemctl', 'stop', ...this.slices);
    this.slices.clear();
    if (failures.length > 0) throw new AggregateError(failures, 'pods could not be removed');
  }

  async close(): Promise<void> {
    this.connection.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}
