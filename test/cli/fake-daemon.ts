import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedServiceImplementation,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { silentLog } from '../../src/base';
import {
  type AttachStreamRequest,
  type ClientStreams,
  type StreamTarget,
  type TerminalSize,
  createStreamingServer,
} from '../../src/streaming';
import {
  ContainerConfig,
  type ContainerEventResponse,
  ContainerState,
  type ContainerStats,
  ContainerStatus,
  Image,
  ImageServiceService,
  PodSandboxConfig,
  PodSandboxState,
  type PodSandboxStats,
  PodSandboxStatus,
  RuntimeServiceService,
  admin,
} from '../../src/wire';
import { ShellTarget } from '../streaming/shell-target';

export interface FakePod {
  readonly id: string;
  readonly config: PodSandboxConfig;
  ready: boolean;
}

export interface FakeContainer {
  readonly id: string;
  readonly podId: string;
  readonly config: ContainerConfig;
  readonly logPath: string;
  readonly createdAt: bigint;
  state: ContainerState;
  exitCode: number;
}

/** What a container of the fake does when it is started: writes its log and ends, or is stopped. */
export type Life = (container: FakeContainer, log: (line: string) => Promise<void>) => Promise<number | undefined>;

class Refusal extends Error {
  constructor(
    readonly code: status,
    readonly details: string,
  ) {
    super(details);
  }
}

/** CRI and the admin service over a real socket, with pods, containers and images in memory. */
export class FakeDaemon implements AsyncDisposable {
  readonly pods = new Map<string, FakePod>();
  readonly containers = new Map<string, FakeContainer>();
  readonly images: Image[] = [];
  /** Names of the calls that changed something, with what they were about. */
  readonly changes: string[] = [];
  readonly loaded: Buffer[] = [];
  readonly shell = new ShellTarget();
  /** Sizes of terminals, as clients told them. */
  readonly sizes: TerminalSize[] = [];
  /** What an attach does; by itself it repeats its input. */
  attach: StreamTarget['attach'] = (request, streams) => this.shell.attach(request, streams);
  /** What is told of what containers and pods use: the last of them again and again. */
  readonly containerStats: ContainerStats[][] = [];
  readonly podStats: PodSandboxStats[][] = [];
  /** What a reader of events is told, before the stream stays open. */
  readonly happened: ContainerEventResponse[] = [];
  /** Ends the stream of the last reader of events, as a daemon that stops. */
  endEvents: () => void = () => undefined;
  /** What a pull that is watched tells. */
  readonly pulling: admin.PullProgress[] = [];
  life: Life = () => Promise.resolve(0);
  private readonly streaming = createStreamingServer({
    host: '127.0.0.1',
    port: 0,
    target: {
      exec: (request, streams) => {
        void this.noteSizes(streams);
        return this.shell.exec(request, streams);
      },
      attach: (request, streams) => {
        void this.noteSizes(streams);
        return this.attach(request, streams);
      },
      dial: (request, port, signal) => this.shell.dial(request, port, signal),
      untilStopped: () => this.shell.untilStopped(),
    },
    log: silentLog(),
  });
  private server = new Server();

  private constructor(readonly folder: string) {}

  static async start(): Promise<FakeDaemon> {
    const daemon = new FakeDaemon(await mkdtemp(join(tmpdir(), 'berth-cli-')));
    await daemon.streaming.listen();
    await daemon.listen();
    return daemon;
  }

  get socket(): string {
    return join(this.folder, 'berth.sock');
  }

  /** Ends the listener, as a daemon that is stopped; `listen` brings it back with all it had. */
  stopListening(): void {
    this.server.forceShutdown();
  }

  /** Ends the sessions. */
  stopStreaming(): Promise<void> {
    return this.streaming.close();
  }

  async listen(): Promise<void> {
    this.server = new Server();
    this.server.addService(RuntimeServiceService, {
      ...this.handlers(this.runtimeCalls()),
      getContainerEvents: (call: ServerWritableStream<object, ContainerEventResponse>) => {
        for (const event of this.happened) call.write(event);
        this.endEvents = () =>
          void call.emit('error', { code: status.UNAVAILABLE, details: 'GetContainerEvents: berthd is stopping' });
      },
    });
    this.server.addService(ImageServiceService, this.handlers(this.imageCalls()));
    this.server.addService(admin.AdminService, {
      ...this.handlers(this.adminCalls()),
      pull: (call: ServerWritableStream<admin.PullRequest, admin.PullEvent>) => {
        for (const progress of this.pulling) call.write({ progress });
        call.write({ imageId: this.addImage(call.request.image, 'b').id });
        call.end();
      },
    });
    await new Promise<void>((resolve, reject) => {
      this.server.bindAsync(`unix:${this.socket}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.forceShutdown();
    await this.streaming.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  addImage(name: string, digit: string): Image {
    const image = Image.fromPartial({ id: `sha256:${digit.repeat(64)}`, repoTags: [name], size: 4_212_345n });
    this.images.push(image);
    return image;
  }

  addPod(name: string, id: string, config: Parameters<typeof PodSandboxConfig.fromPartial>[0] = {}): FakePod {
    const pod: FakePod = {
      id: id.padEnd(64, '0'),
      config: PodSandboxConfig.fromPartial({
        metadata: { name, namespace: 'default', uid: `uid-${name}`, attempt: 0 },
        logDirectory: this.folder,
        ...config,
      }),
      ready: true,
    };
    this.pods.set(pod.id, pod);
    return pod;
  }

  addContainer(name: string, id: string, pod: FakePod, over: Partial<FakeContainer> = {}): FakeContainer {
    const container: FakeContainer = {
      id: id.padEnd(64, '0'),
      podId: pod.id,
      config: ContainerConfig.fromPartial({ metadata: { name, attempt: 0 }, labels: pod.config.labels }),
      logPath: join(this.folder, `${name}.log`),
      // Each some time before the last, so that lists have one order.
      createdAt: BigInt(Date.now() - 3 * 60_000 - this.containers.size * 1000) * 1_000_000n,
      state: ContainerState.CONTAINER_RUNNING,
      exitCode: 0,
      ...over,
    };
    this.containers.set(container.id, container);
    return container;
  }

  private handlers(calls: Record<string, (request: never) => unknown>): UntypedServiceImplementation {
    return Object.fromEntries(
      Object.entries(calls).map(([name, handle]) => [
        name,
        (call: ServerUnaryCall<unknown, unknown>, done: sendUnaryData<unknown>) => {
          Promise.resolve()
            .then(() => handle(call.request as never))
            .then(
              (response) => done(null, response),
              (error: unknown) =>
                done(
                  error instanceof Refusal
                    ? { code: error.code, details: error.details }
                    : { code: status.INTERNAL, details: String(error) },
                ),
            );
        },
      ]),
    );
  }

  private runtimeCalls() {
    return {
      version: () => ({ version: '0.1.0', runtimeName: 'berth', runtimeVersion: '9.9.9', runtimeApiVersion: 'v1' }),
      status: () => ({
        status: {
          conditions: [
            { type: 'RuntimeReady', status: true, reason: '', message: '' },
            { type: 'NetworkReady', status: false, reason: 'NetworkPluginNotReady', message: 'no CNI configuration' },
          ],
        },
        info: {},
        runtimeHandlers: [],
      }),
      listContainers: () => ({
        containers: [...this.containers.values()].map((container) => this.statusOf(container)),
      }),
      containerStatus: ({ containerId }: { containerId: string }) => {
        const container = this.container(containerId);
        const { tty, stdin } = container.config;
        const info = { info: JSON.stringify({ pid: 42, tty, stdin }), note: 'plain' };
        return { status: this.statusOf(container), info };
      },
      listContainerStats: () => ({ stats: nextOf(this.containerStats) }),
      listPodSandboxStats: () => ({ stats: nextOf(this.podStats) }),
      listPodSandbox: () => ({ items: [...this.pods.values()].map((pod) => this.podStatusOf(pod)) }),
      podSandboxStatus: ({ podSandboxId }: { podSandboxId: string }) => ({
        status: this.podStatusOf(this.pod(podSandboxId)),
        info: {},
        containersStatuses: [],
        timestamp: 0n,
      }),
      runPodSandbox: ({ config }: { config: PodSandboxConfig }) => {
        const id = randomBytes(32).toString('hex');
        this.pods.set(id, { id, config, ready: true });
        this.changes.push(`runPod ${config.metadata?.name}`);
        return { podSandboxId: id };
      },
      stopPodSandbox: ({ podSandboxId }: { podSandboxId: string }) => {
        const pod = this.pod(podSandboxId);
        pod.ready = false;
        for (const container of this.containersOf(pod)) this.end(container, 137);
        this.changes.push(`stopPod ${pod.config.metadata?.name}`);
        return {};
      },
      removePodSandbox: ({ podSandboxId }: { podSandboxId: string }) => {
        const pod = this.pod(podSandboxId);
        for (const container of this.containersOf(pod)) this.containers.delete(container.id);
        this.pods.delete(pod.id);
        this.changes.push(`removePod ${pod.config.metadata?.name}`);
        return {};
      },
      createContainer: ({ podSandboxId, config }: { podSandboxId: string; config: ContainerConfig }) => {
        if (config.args.includes('refuse'))
          throw new Refusal(status.INVALID_ARGUMENT, 'CreateContainer: args: refused');
        const pod = this.pod(podSandboxId);
        const container = this.addContainer(config.metadata?.name ?? '', randomBytes(32).toString('hex'), pod, {
          config,
          logPath: join(pod.config.logDirectory, config.logPath),
          state: ContainerState.CONTAINER_CREATED,
        });
        this.changes.push(`createContainer ${config.metadata?.name}`);
        return { containerId: container.id };
      },
      startContainer: async ({ containerId }: { containerId: string }) => {
        const container = this.container(containerId);
        this.changes.push(`startContainer ${container.config.metadata?.name}`);
        await mkdir(dirname(container.logPath), { recursive: true });
        await writeFile(container.logPath, '');
        container.state = ContainerState.CONTAINER_RUNNING;
        const log = (line: string) => appendFile(container.logPath, `2024-05-06T07:08:09.000000001Z ${line}\n`);
        void this.life(container, log).then((code) => {
          if (code !== undefined) this.end(container, code);
        });
        return {};
      },
      stopContainer: ({ containerId, timeout }: { containerId: string; timeout: bigint }) => {
        const container = this.container(containerId);
        this.changes.push(`stopContainer ${container.config.metadata?.name} ${timeout}`);
        this.end(container, 143);
        return {};
      },
      removeContainer: ({ containerId }: { containerId: string }) => {
        const container = this.container(containerId);
        this.containers.delete(container.id);
        this.changes.push(`removeContainer ${container.config.metadata?.name}`);
        return {};
      },
      exec: (request: {
        containerId: string;
        cmd: string[];
        tty: boolean;
        stdin: boolean;
        stdout: boolean;
        stderr: boolean;
      }) => {
        if (this.container(request.containerId).state !== ContainerState.CONTAINER_RUNNING) {
          throw new Refusal(status.FAILED_PRECONDITION, 'Exec: container: it is exited, not running');
        }
        return { url: this.streaming.execUrl(request) };
      },
      portForward: ({ podSandboxId, port }: { podSandboxId: string; port: number[] }) => {
        return { url: this.streaming.portForwardUrl({ podId: this.pod(podSandboxId).id, ports: port }) };
      },
      attach: (request: AttachStreamRequest) => {
        this.changes.push(`attach ${this.container(request.containerId).config.metadata?.name}`);
        return { url: this.streaming.attachUrl(request) };
      },
    };
  }

  private imageCalls() {
    const find = (name: string) =>
      this.images.find(({ id, repoTags }) => repoTags.includes(name) || id.slice(7).startsWith(name) || id === name);
    return {
      listImages: () => ({ images: this.images }),
      imageStatus: ({ image }: { image: { image: string } }) => ({ image: find(image.image), info: {} }),
      pullImage: ({ image }: { image: { image: string } }) => {
        if (image.image.includes('missing')) {
          throw new Refusal(status.NOT_FOUND, `pull: ${image.image}: no such manifest\n(check repository and tag)`);
        }
        this.changes.push(`pull ${image.image}`);
        return { imageRef: this.addImage(image.image, 'b').id };
      },
      removeImage: ({ image }: { image: { image: string } }) => {
        this.images.splice(
          this.images.findIndex(({ id }) => id === image.image),
          1,
        );
        this.changes.push(`removeImage ${image.image.slice(0, 12)}`);
        return {};
      },
      imageFsInfo: () => ({
        imageFilesystems: [{ timestamp: 0n, usedBytes: { value: 4_212_345n } }],
        containerFilesystems: [],
      }),
    };
  }

  private adminCalls() {
    return {
      info: () => ({
        version: '9.9.9',
        root: '/var/lib/berth',
        runRoot: '/run/berth',
        socket: this.socket,
        pid: 77n,
        startedAt: BigInt(Date.now() - 3 * 60_000) * 1_000_000n,
        cgroup: '/berth',
        runtimePath: '/usr/sbin/runc',
        runtimeVersion: '1.1.5',
        pods: this.pods.size,
        containers: this.containers.size,
        images: this.images.length,
        ready: true,
      }),
      loadImage: async ({ path }: { path: string }) => {
        this.loaded.push(await readFile(path));
        return { images: [{ id: `sha256:${'c'.repeat(64)}`, names: ['localhost/app:1'] }] };
      },
    };
  }

  private async noteSizes({ resize }: ClientStreams): Promise<void> {
    if (resize) for await (const size of resize) this.sizes.push(size);
  }

  private end(container: FakeContainer, code: number): void {
    if (container.state === ContainerState.CONTAINER_EXITED) return;
    container.state = ContainerState.CONTAINER_EXITED;
    container.exitCode = code;
  }

  private containersOf(pod: FakePod): FakeContainer[] {
    return [...this.containers.values()].filter(({ podId }) => podId === pod.id);
  }

  private container(id: string): FakeContainer {
    const container = this.containers.get(id);
    if (!container) throw new Refusal(status.NOT_FOUND, `container ${id}: no such container`);
    return container;
  }

  private pod(id: string): FakePod {
    const pod = this.pods.get(id);
    if (!pod) throw new Refusal(status.NOT_FOUND, `pod ${id}: no such pod`);
    return pod;
  }

  private statusOf(container: FakeContainer) {
    return {
      ...ContainerStatus.fromPartial({
        id: container.id,
        metadata: container.config.metadata,
        state: container.state,
        createdAt: container.createdAt,
        exitCode: container.exitCode,
        image: { image: container.config.image?.userSpecifiedImage || 'docker.io/library/busybox:1' },
        labels: container.config.labels,
        logPath: container.logPath,
      }),
      podSandboxId: container.podId,
    };
  }

  private podStatusOf(pod: FakePod) {
    return PodSandboxStatus.fromPartial({
      id: pod.id,
      metadata: pod.config.metadata,
      state: pod.ready ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY,
      createdAt: BigInt(Date.now() - 2 * 3_600_000) * 1_000_000n,
      labels: pod.config.labels,
      annotations: pod.config.annotations,
      network: { ip: '10.88.0.7', additionalIps: [{ ip: 'fd00::7' }] },
    });
  }
}

/** Each in its turn; the last one stays. */
function nextOf<T>(answers: T[][]): T[] {
  return (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
}
