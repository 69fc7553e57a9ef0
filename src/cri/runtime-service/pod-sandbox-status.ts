import { PodSandboxStatusResponse, RuntimeServiceService } from '../../wire';
import { needPod } from '../check/lookup';
import { toContainerStatus } from '../convert/container';
import { verboseInfo } from '../convert/info';
import { podInfo, toPodSandboxStatus } from '../convert/sandbox';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/**
 * PodSandboxStatus, with the containers as they are. Without a timestamp: a kubelet that reads events and finds one takes
 * the containers from here, and forgets which of them are of this sandbox (1.37.2, kubernetes/kubernetes#133371): init
 * containers are then run for ever.
 */
export const podSandboxStatus = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.podSandboxStatus, { kind: 'read' }, (request, call) => {
    const pod = needPod(parts, call.op, request.podSandboxId);
    return PodSandboxStatusResponse.fromPartial({
      status: toPodSandboxStatus(pod),
      containersStatuses: parts.podLifecycle.containersOf(pod).map(toContainerStatus),
      info: request.verbose ? verboseInfo('info', podInfo(pod)) : {},
    });
  });
