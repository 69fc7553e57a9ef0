import {
  credentials,
  Metadata,
  type CallOptions,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ServiceError,
} from '@grpc/grpc-js';
import { slow } from '../../test/slow.cjs';
import {
  UpdateContainerResourcesRequest,
  UpdatePodSandboxResourcesRequest,
  type ContainerConfig,
  type LinuxContainerResources,
  type PodSandboxConfig,
} from '../../src/wire';
import {
  ImageServiceClient,
  RuntimeServiceClient,
  admin,
  type AuthConfig,
  type ContainerFilter,
  type ContainerStats,
  type ContainerStatsFilter,
  type ContainerStatusResponse,
  type AttachRequest,
  type ExecRequest,
  type ExecSyncResponse,
  type Image,
  type ImageFsInfoResponse,
  type ImageSpec,
  type ImageStatusResponse,
  type MetricDescriptor,
  type PodSandboxFilter,
  type PodSandboxMetrics,
  type PodSandboxStats,
  type PodSandboxStatsFilter,
  type PodSandboxStatusResponse,
  type RuntimeConfigResponse,
  type StatusResponse,
  type StreamPodSandboxMetricsResponse,
  type VersionResponse,
  type Container,
  type ContainerEventResponse,
  type PodSandbox,
  type ContainerStatus,
  type PodSandboxStatus,
} from '../../src/wire';

export interface CallControl {
  /** Milliseconds until the client gives up. */
  readonly deadlineMs?: number;
}

type Done<S> = (error: ServiceError | null, response: S) => void;
type Method<Q, S> = (request: Q, metadata: Metadata, options: Partial<CallOptions>, done: Done<S>) => ClientUnaryCall;
export type PartialPod = Parameters<typeof PodSandboxConfig.fromPartial>[0];
export type PartialResources = Parameters<typeof LinuxContainerResources.fromPartial>[0];
export type PartialContainer = Parameters<typeof ContainerConfig.fromPartial>[0];

/** A CRI client with promises. Errors are grpc-js ServiceErrors: `code` and `details`. */
export class Cri {
  private readonly runtime: RuntimeServiceClient;
  private readonly image: ImageServiceClient;
  private readonly own: admin.AdminClient;

  constructor(socket: string) {
    const options = { 'grpc.max_receive_message_length': 64 << 20 };
    this.runtime = new RuntimeServiceClient(`unix://${socket}`, credentials.createInsecure(), options);
    this.image = new ImageServiceClient(`unix://${socket}`, credentials.createInsecure(), options);
    this.own = new admin.AdminClient(`unix://${socket}`, credentials.createInsecure(), options);
  }

  version(control?: CallControl): Promise<VersionResponse> {
    return call(this.runtime.version.bind(this.runtime), { version: 'v1' }, control);
  }

  status(verbose = false): Promise<StatusResponse> {
    return call(this.runtime.status.bind(this.runtime), { verbose });
  }

  runtimeConfig(): Promise<RuntimeConfigResponse> {
    return call(this.runtime.runtimeConfig.bind(this.runtime), {});
  }

  async runPod(config: PodSandboxConfig, runtimeHandler = '', control?: CallControl): Promise<string> {
    const request = { config, runtimeHandler };
    return (await call(this.runtime.runPodSandbox.bind(this.runtime), request, control)).podSandboxId;
  }

  async stopPod(podSandboxId: string, control?: CallControl): Promise<void> {
    await call(this.runtime.stopPodSandbox.bind(this.runtime), { podSandboxId }, control);
  }

  async removePod(podSandboxId: string): Promise<void> {
    await call(this.runtime.removePodSandbox.bind(this.runtime), { podSandboxId });
  }

  podStatusVerbose(podSandboxId: string, verbose = true): Promise<PodSandboxStatusResponse> {
    return call(this.runtime.podSandboxStatus.bind(this.runtime), { podSandboxId, verbose });
  }

  async podStatus(podSandboxId: string): Promise<PodSandboxStatus> {
    return present((await this.podStatusVerbose(podSandboxId, false)).status);
  }

  async listPods(filter?: PodSandboxFilter): Promise<PodSandbox[]> {
    return (await call(this.runtime.listPodSandbox.bind(this.runtime), { filter })).items;
  }

  async create(
    podSandboxId: string,
    config: ContainerConfig,
    sandboxConfig: PodSandboxConfig,
    control?: CallControl,
  ): Promise<string> {
    const request = { podSandboxId, config, sandboxConfig };
    return (await call(this.runtime.createContainer.bind(this.runtime), request, control)).containerId;
  }

  async start(containerId: string): Promise<void> {
    await call(this.runtime.startContainer.bind(this.runtime), { containerId });
  }

  async stop(containerId: string, graceSeconds: number, control?: CallControl): Promise<void> {
    const request = { containerId, timeout: BigInt(graceSeconds) };
    await call(this.runtime.stopContainer.bind(this.runtime), request, control);
  }

  async remove(containerId: string): Promise<void> {
    await call(this.runtime.removeContainer.bind(this.runtime), { containerId });
  }

  containerStatusVerbose(containerId: string, verbose = true): Promise<ContainerStatusResponse> {
    return call(this.runtime.containerStatus.bind(this.runtime), { containerId, verbose });
  }

  async containerStatus(containerId: string): Promise<ContainerStatus> {
    return present((await this.containerStatusVerbose(containerId, false)).status);
  }

  async listContainers(filter?: ContainerFilter): Promise<Container[]> {
    return (await call(this.runtime.listContainers.bind(this.runtime), { filter })).containers;
  }

  /** What happens from now on, until the stream is cancelled. */
  events(): ClientReadableStream<ContainerEventResponse> {
    return this.runtime.getContainerEvents({});
  }

  async containerStats(containerId: string): Promise<ContainerStats> {
    return present((await call(this.runtime.containerStats.bind(this.runtime), { containerId })).stats);
  }

  async listContainerStats(filter?: Partial<ContainerStatsFilter>): Promise<ContainerStats[]> {
    const whole = filter && { id: '', podSandboxId: '', labelSelector: {}, ...filter };
    return (await call(this.runtime.listContainerStats.bind(this.runtime), { filter: whole })).stats;
  }

  async podStats(podSandboxId: string): Promise<PodSandboxStats> {
    return present((await call(this.runtime.podSandboxStats.bind(this.runtime), { podSandboxId })).stats);
  }

  async listPodStats(filter?: Partial<PodSandboxStatsFilter>): Promise<PodSandboxStats[]> {
    const whole = filter && { id: '', labelSelector: {}, ...filter };
    return (await call(this.runtime.listPodSandboxStats.bind(this.runtime), { filter: whole })).stats;
  }

  async metricDescriptors(): Promise<MetricDescriptor[]> {
    return (await call(this.runtime.listMetricDescriptors.bind(this.runtime), {})).descriptors;
  }

  async podMetrics(): Promise<PodSandboxMetrics[]> {
    return (await call(this.runtime.listPodSandboxMetrics.bind(this.runtime), {})).podMetrics;
  }

  /** The same, from the stream. */
  async streamedPodMetrics(): Promise<PodSandboxMetrics[]> {
    const messages: PodSandboxMetrics[] = [];
    const stream = this.runtime.streamPodSandboxMetrics({});
    for await (const { podSandboxMetrics } of stream as AsyncIterable<StreamPodSandboxMetricsResponse>)
      messages.push(...podSandboxMetrics);
    return messages;
  }

  execSync(containerId: string, cmd: readonly string[], timeoutSeconds = 0): Promise<ExecSyncResponse> {
    const request = { containerId, cmd: [...cmd], timeout: BigInt(timeoutSeconds) };
    return call(this.runtime.execSync.bind(this.runtime), request);
  }

  async exec(request: ExecRequest): Promise<string> {
    return (await call(this.runtime.exec.bind(this.runtime), request)).url;
  }

  async attach(request: AttachRequest): Promise<string> {
    return (await call(this.runtime.attach.bind(this.runtime), request)).url;
  }

  async portForward(podSandboxId: string, port: readonly number[] = []): Promise<string> {
    return (await call(this.runtime.portForward.bind(this.runtime), { podSandboxId, port: [...port] })).url;
  }

  async updateResources(containerId: string, linux: PartialResources, annotations = {}): Promise<void> {
    const request = UpdateContainerResourcesRequest.fromPartial({ containerId, linux, annotations });
    await call(this.runtime.updateContainerResources.bind(this.runtime), request);
  }

  async updatePodResources(podSandboxId: string, over: { overhead?: PartialResources; resources?: PartialResources }) {
    const request = UpdatePodSandboxResourcesRequest.fromPartial({ podSandboxId, ...over });
    await call(this.runtime.updatePodSandboxResources.bind(this.runtime), request);
  }

  async reopenLog(containerId: string): Promise<void> {
    await call(this.runtime.reopenContainerLog.bind(this.runtime), { containerId });
  }

  async checkpoint(containerId: string, location: string, timeoutSeconds = 0): Promise<void> {
    const request = { containerId, location, timeout: BigInt(timeoutSeconds) };
    await call(this.runtime.checkpointContainer.bind(this.runtime), request);
  }

  async pull(
    name: string,
    auth?: AuthConfig,
    control?: CallControl,
    sandboxConfig?: PodSandboxConfig,
  ): Promise<string> {
    const request = { image: imageSpec(name), auth, sandboxConfig };
    return (await call(this.image.pullImage.bind(this.image), request, control)).imageRef;
  }

  async imageStatus(name: string): Promise<Image | undefined> {
    return (await this.imageStatusVerbose(name, false)).image;
  }

  imageStatusVerbose(name: string, verbose = true): Promise<ImageStatusResponse> {
    return call(this.image.imageStatus.bind(this.image), { image: imageSpec(name), verbose });
  }

  async listImages(name?: string): Promise<Image[]> {
    const filter = name === undefined ? undefined : { image: imageSpec(name) };
    return (await call(this.image.listImages.bind(this.image), { filter })).images;
  }

  async removeImage(name: string, control?: CallControl): Promise<void> {
    await call(this.image.removeImage.bind(this.image), { image: imageSpec(name) }, control);
  }

  imageFsInfo(): Promise<ImageFsInfoResponse> {
    return call(this.image.imageFsInfo.bind(this.image), {});
  }

  /** What `berth load` asks for: berth only. Gives the images' ids. */
  async load(path: string): Promise<string[]> {
    return (await call(this.own.loadImage.bind(this.own), { path })).images.map(({ id }) => id);
  }

  close(): void {
    this.own.close();
    this.runtime.close();
    this.image.close();
  }
}

export function imageSpec(image: string): ImageSpec {
  return { image, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' };
}

function call<Q, S>(method: Method<Q, S>, request: Q, { deadlineMs = 50_000 * slow }: CallControl = {}): Promise<S> {
  return new Promise((resolve, reject) => {
    method(request, new Metadata(), { deadline: Date.now() + deadlineMs }, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}

/** A message field that the answer must carry. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the answer lacks a message that it must carry');
  return value;
}
