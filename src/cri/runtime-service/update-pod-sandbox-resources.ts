import { RuntimeServiceService } from '../../wire';
import { podId } from '../check/lookup';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** UpdatePodSandboxResources: what the kubelet has given the pod in all, kept with its configuration. */
export const updatePodSandboxResources = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.updatePodSandboxResources, { kind: 'change' }, async (request, call) => {
    const { overhead, resources } = request;
    await parts.pods.updateResources(podId(parts, call.op, request.podSandboxId), { overhead, resources }, call.signal);
    return {};
  });
