import { RuntimeServiceService } from '../../wire';
import { podId } from '../check/lookup';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** RemovePodSandbox: stops and removes all of it; success for one that is unknown. */
export const removePodSandbox = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.removePodSandbox, { kind: 'change' }, async (request, call) => {
    await parts.podLifecycle.remove(podId(parts, call.op, request.podSandboxId), call.signal);
    return {};
  });
