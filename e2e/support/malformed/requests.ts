import { join } from 'node:path';
import {
  CheckpointContainerRequest,
  CreateContainerRequest,
  ExecRequest,
  ExecSyncRequest,
  PullImageRequest,
  RunPodSandboxRequest,
  UpdateContainerResourcesRequest,
  UpdatePodSandboxResourcesRequest,
} from '../../../src/wire';
import { imageSpec } from '../cri';
import { images } from '../fixtures';
import type { World } from '../world';
import { decode, type Message } from './message';
import type { Schema } from './schema';
import type { Standing } from './standing';

/** A request that is right, by the name of its RPC: what is then spoilt. Pods and containers have a new name each time. */
export function validRequest(schema: Schema, rpc: string, world: World, standing: Standing): Message {
  const { pod, running, exited, victim, folder } = standing;
  const named = { image: { image: images.noCommand } };
  switch (rpc) {
    case 'Version':
      return { version: 'v1' };
    case 'RunPodSandbox':
      return decode(schema, 'RunPodSandboxRequest', RunPodSandboxRequest.encode(runPod(world, standing)).finish());
    case 'CreateContainer':
      return decode(schema, 'CreateContainerRequest', CreateContainerRequest.encode(create(world, standing)).finish());
    case 'StopPodSandbox':
    case 'RemovePodSandbox':
      return { pod_sandbox_id: victim.pod.id };
    case 'PodSandboxStatus':
    case 'PodSandboxStats':
      return { pod_sandbox_id: pod.id };
    case 'PortForward':
      return { pod_sandbox_id: pod.id, port: [80n] };
    case 'StartContainer':
      return { container_id: victim.created };
    case 'StopContainer':
      return { container_id: victim.running, timeout: 10n };
    case 'RemoveContainer':
      return { container_id: exited };
    case 'ContainerStatus':
    case 'ContainerStats':
    case 'ReopenContainerLog':
      return { container_id: running };
    case 'Attach':
      return { container_id: running, stdout: 1n };
    case 'ExecSync': {
      const request = ExecSyncRequest.fromPartial({ containerId: running, cmd: ['true'], timeout: 10n });
      return decode(schema, 'ExecSyncRequest', ExecSyncRequest.encode(request).finish());
    }
    case 'Exec': {
      const request = ExecRequest.fromPartial({ containerId: running, cmd: ['true'], stdout: true });
      return decode(schema, 'ExecRequest', ExecRequest.encode(request).finish());
    }
    case 'CheckpointContainer': {
      const request = CheckpointContainerRequest.fromPartial({
        containerId: running,
        location: join(folder, 'checkpoint.tar'),
        timeout: 10n,
      });
      return decode(schema, 'CheckpointContainerRequest', CheckpointContainerRequest.encode(request).finish());
    }
    case 'UpdateContainerResources': {
      const request = UpdateContainerResourcesRequest.fromPartial({ containerId: running, linux: { cpuShares: 512n } });
      const bytes = UpdateContainerResourcesRequest.encode(request).finish();
      return decode(schema, 'UpdateContainerResourcesRequest', bytes);
    }
    case 'UpdatePodSandboxResources': {
      const request = UpdatePodSandboxResourcesRequest.fromPartial({
        podSandboxId: pod.id,
        resources: { cpuShares: 512n },
      });
      const bytes = UpdatePodSandboxResourcesRequest.encode(request).finish();
      return decode(schema, 'UpdatePodSandboxResourcesRequest', bytes);
    }
    case 'PullImage': {
      const request = PullImageRequest.fromPartial({ image: imageSpec(images.noCommand), sandboxConfig: pod.config });
      return decode(schema, 'PullImageRequest', PullImageRequest.encode(request).finish());
    }
    case 'ImageStatus':
    case 'RemoveImage':
      return named;
    case 'UpdateRuntimeConfig':
      return { runtime_config: { network_config: { pod_cidr: '10.0.0.0/24' } } };
    default:
      return {};
  }
}

/** On the node's network: no plugin has to run for what is refused in the end. */
function runPod(world: World, { folder }: Standing): RunPodSandboxRequest {
  const config = world.podConfig({
    host: true,
    hostname: 'malformed',
    dnsConfig: { servers: ['10.0.0.10'], searches: ['cluster.local'], options: ['ndots:5'] },
    portMappings: [{ containerPort: 80 }],
    annotations: { note: 'x' },
  });
  return { config: { ...config, logDirectory: join(folder, 'logs') }, runtimeHandler: '' };
}

function create(world: World, { pod, folder }: Standing): CreateContainerRequest {
  const config = world.containerConfig(
    {
      command: ['true'],
      workingDir: '/tmp',
      envs: [{ key: 'KEY', value: Buffer.from('value') }],
      mounts: [{ containerPath: '/mnt', hostPath: join(folder, 'mount') }],
      devices: [{ containerPath: '/dev/also-null', hostPath: '/dev/null', permissions: 'rw' }],
      labels: { label: 'x' },
      annotations: { note: 'x' },
      linux: { resources: { memoryLimitInBytes: 64n << 20n, cpuShares: 512n } },
    },
    pod,
  );
  return { podSandboxId: pod.id, config, sandboxConfig: pod.config };
}
