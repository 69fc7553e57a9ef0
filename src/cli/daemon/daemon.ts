import { credentials } from '@grpc/grpc-js';
import {
  type Container,
  type ContainerConfig,
  type ContainerEventResponse,
  type ContainerStats,
  type ContainerStatusResponse,
  type FilesystemUsage,
  type Image,
  ImageServiceClient,
  type ImageStatusResponse,
  type PodSandbox,
  type PodSandboxConfig,
  type PodSandboxStats,
  type PodSandboxStatusResponse,
  RuntimeServiceClient,
  type StatusResponse,
  type VersionResponse,
  admin,
} from '../../wire';
import type { ExecClientOptions } from '../../streaming';
import type { GlobalOptions } from '../command';
import { Caller, type Method } from './caller';

/** Milliseconds for the answer to a query, which the daemon gives from memory. */
const queryTimeoutMs = 30_000;

const image = (name: string) => ({
  image: name,
  annotations: {},
  userSpecifiedImage: '',
  runtimeHandler: '',
  imageRef: '',
});

/**
 * The daemon as commands see it: CRI's calls and the admin service's as promises that reject with a CliError.
 * Queries have a deadline; changes take as long as they do, unless the user said --timeout.
 */
export class Daemon implements Disposable {
  private readonly runtime: RuntimeServiceClient;
  private readonly images: ImageServiceClient;
  private readonly admin: admin.AdminClient;
  private readonly caller: Caller;

  constructor(
    private readonly options: Pick<GlobalOptions, 'socket' | 'timeoutMs'>,
    /** Aborts every call. */
    signal?: AbortSignal,
  ) {
    this.caller = new Caller(options, signal);
    const channel = { 'grpc.max_receive_message_length': 64 * 1024 * 1024, 'grpc.enable_http_proxy': 0 };
    const connection = [`unix://${options.socket}`, credentials.createInsecure(), channel] as const;
    this.runtime = new RuntimeServiceClient(...connection);
    this.images = new ImageServiceClient(...connection);
    this.admin = new admin.AdminClient(...connection);
  }

  [Symbol.dispose](): void {
    for (const client of [this.runtime, this.images, this.admin]) client.close();
  }

  version(): Promise<VersionResponse> {
    return this.query('version', this.runtime.version.bind(this.runtime), { version: 'v1' });
  }

  status(): Promise<StatusResponse> {
    return this.query('status', this.runtime.status.bind(this.runtime), { verbose: false });
  }

  info(): Promise<admin.InfoResponse> {
    return this.query('info', this.admin.info.bind(this.admin), {});
  }

  async containers(): Promise<Container[]> {
    const list = this.runtime.listContainers.bind(this.runtime);
    return (await this.query('list containers', list, { filter: undefined })).containers;
  }

  containerStatus(containerId: string, verbose = false): Promise<ContainerStatusResponse> {
    const call = this.runtime.containerStatus.bind(this.runtime);
    return this.query('container status', call, { containerId, verbose });
  }

  async pods(): Promise<PodSandbox[]> {
    const list = this.runtime.listPodSandbox.bind(this.runtime);
    return (await this.query('list pods', list, { filter: undefined })).items;
  }

  async containerStats(): Promise<ContainerStats[]> {
    const list = this.runtime.listContainerStats.bind(this.runtime);
    return (await this.query('container stats', list, { filter: undefined })).stats;
  }

  async podStats(): Promise<PodSandboxStats[]> {
    const list = this.runtime.listPodSandboxStats.bind(this.runtime);
    return (await this.query('pod stats', list, { filter: undefined })).stats;
  }

  /** What happens from now on, without an end. */
  events(): AsyncGenerator<ContainerEventResponse> {
    return this.caller.events('events', this.runtime.getContainerEvents.bind(this.runtime), {});
  }

  podStatus(podSandboxId: string, verbose = false): Promise<PodSandboxStatusResponse> {
    return this.query('pod status', this.runtime.podSandboxStatus.bind(this.runtime), { podSandboxId, verbose });
  }

  async imageList(): Promise<Image[]> {
    const list = this.images.listImages.bind(this.images);
    return (await this.query('list images', list, { filter: undefined })).images;
  }

  imageStatus(name: string, verbose = false): Promise<ImageStatusResponse> {
    return this.query('image status', this.images.imageStatus.bind(this.images), { image: image(name), verbose });
  }

  async imageFileSystems(): Promise<FilesystemUsage[]> {
    return (await this.query('image storage', this.images.imageFsInfo.bind(this.images), {})).imageFilesystems;
  }

  /** Pulls, and gives the image's id. */
  async pull(name: string): Promise<string> {
    const request = { image: image(name), auth: undefined, sandboxConfig: undefined };
    return (await this.change('pull', this.images.pullImage.bind(this.images), request)).imageRef;
  }

  async load(path: string): Promise<admin.LoadedImage[]> {
    return (await this.change('load', this.admin.loadImage.bind(this.admin), { path })).images;
  }

  /** As `pull`, told meanwhile how far it is; the last event has the id. */
  pullWatched(name: string): AsyncGenerator<admin.PullEvent> {
    return this.caller.events('pull', this.admin.pull.bind(this.admin), { image: name });
  }

  /** Checks the storage; the events come as it finds something, the summary last. */
  check(request: admin.CheckRequest): AsyncGenerator<admin.CheckEvent> {
    return this.caller.events('check', this.admin.check.bind(this.admin), request);
  }

  async removeImage(name: string): Promise<void> {
    await this.change('remove image', this.images.removeImage.bind(this.images), { image: image(name) });
  }

  async runPod(config: PodSandboxConfig): Promise<string> {
    const call = this.runtime.runPodSandbox.bind(this.runtime);
    return (await this.change('run pod', call, { config, runtimeHandler: '' })).podSandboxId;
  }

  async stopPod(podSandboxId: string): Promise<void> {
    await this.change('stop pod', this.runtime.stopPodSandbox.bind(this.runtime), { podSandboxId });
  }

  async removePod(podSandboxId: string): Promise<void> {
    await this.change('remove pod', this.runtime.removePodSandbox.bind(this.runtime), { podSandboxId });
  }

  async createContainer(
    podSandboxId: string,
    config: ContainerConfig,
    sandboxConfig: PodSandboxConfig,
  ): Promise<string> {
    const call = this.runtime.createContainer.bind(this.runtime);
    return (await this.change('create container', call, { podSandboxId, config, sandboxConfig })).containerId;
  }

  async startContainer(containerId: string): Promise<void> {
    await this.change('start container', this.runtime.startContainer.bind(this.runtime), { containerId });
  }

  async stopContainer(containerId: string, seconds: number): Promise<void> {
    const request = { containerId, timeout: BigInt(seconds) };
    await this.change('stop container', this.runtime.stopContainer.bind(this.runtime), request);
  }

  async removeContainer(containerId: string): Promise<void> {
    await this.change('remove container', this.runtime.removeContainer.bind(this.runtime), { containerId });
  }

  /** The URL at which the command starts, once. */
  async execUrl(containerId: string, cmd: string[], streams: ExecClientOptions): Promise<string> {
    const request = { containerId, cmd, ...streams };
    return (await this.query('exec', this.runtime.exec.bind(this.runtime), request)).url;
  }

  /** The URL at which the container's own streams are, once. */
  async attachUrl(containerId: string, streams: ExecClientOptions): Promise<string> {
    return (await this.query('attach', this.runtime.attach.bind(this.runtime), { containerId, ...streams })).url;
  }

  /** The URL of a session that forwards to these ports of the pod, once. */
  async portForwardUrl(podSandboxId: string, port: number[]): Promise<string> {
    const request = { podSandboxId, port };
    return (await this.query('port-forward', this.runtime.portForward.bind(this.runtime), request)).url;
  }

  private query<Request, Response>(op: string, method: Method<Request, Response>, request: Request) {
    return this.caller.call(op, method, request, this.options.timeoutMs ?? queryTimeoutMs);
  }

  private change<Request, Response>(op: string, method: Method<Request, Response>, request: Request) {
    return this.caller.call(op, method, request, this.options.timeoutMs);
  }
}
