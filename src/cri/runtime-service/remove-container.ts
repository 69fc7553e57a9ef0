import { RuntimeServiceService } from '../../wire';
import { containerId } from '../check/lookup';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** RemoveContainer: kills it first if it runs; success for one that is unknown. */
export const removeContainer = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.removeContainer, { kind: 'change' }, async (request, call) => {
    await parts.containers.remove(containerId(parts, call.op, request.containerId), call.signal);
    return {};
  });
