import { PodSandboxStatusResponse, RuntimeServiceService } from '../../wire';
import { needPod } from '../check/lookup';
import { verboseInfo } from '../convert/info';
import { podInfo, toPodSandboxStatus } from '../convert/sandbox';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** PodSandboxStatus. `containers_statuses` stays empty: only runtimes that send container events fill it in. */
export const podSandboxStatus = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.podSandboxStatus, { kind: 'read' }, (request, call) => {
    const pod = needPod(parts, call.op, request.podSandboxId);
    return PodSandboxStatusResponse.fromPartial({
      status: toPodSandboxStatus(pod),
      info: request.verbose ? verboseInfo('info', podInfo(pod)) : {},
    });
  });
