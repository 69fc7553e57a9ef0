import { PodSandboxStatusResponse, RuntimeServiceService } from '../../wire';
import { nowNs } from '../../base';
import { needPod } from '../check/lookup';
import { toContainerStatus } from '../convert/container';
import { verboseInfo } from '../convert/info';
import { podInfo, toPodSandboxStatus } from '../convert/sandbox';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** PodSandboxStatus, with the containers as they are at its timestamp: what events are measured against. */
export const podSandboxStatus = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.podSandboxStatus, { kind: 'read' }, (request, call) => {
    const pod = needPod(parts, call.op, request.podSandboxId);
    return PodSandboxStatusResponse.fromPartial({
      status: toPodSandboxStatus(pod),
      containersStatuses: parts.podLifecycle.containersOf(pod).map(toContainerStatus),
      timestamp: nowNs(),
      info: request.verbose ? verboseInfo('info', podInfo(pod)) : {},
    });
  });
