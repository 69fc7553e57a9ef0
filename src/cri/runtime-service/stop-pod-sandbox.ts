import { RuntimeServiceService } from '../../wire';
import { podId } from '../check/lookup';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** StopPodSandbox: success for one that is stopped or unknown. */
export const stopPodSandbox = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.stopPodSandbox, { kind: 'change' }, async (request, call) => {
    await parts.podLifecycle.stop(podId(parts, call.op, request.podSandboxId), call.signal);
    return {};
  });
