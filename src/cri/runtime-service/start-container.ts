import { RuntimeServiceService } from '../../wire';
import { containerId } from '../check/lookup';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** StartContainer: only one that is created and was never started. */
export const startContainer = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.startContainer, { kind: 'change' }, async (request, call) => {
    await parts.containers.start(containerId(parts, call.op, request.containerId), call.signal);
    return {};
  });
