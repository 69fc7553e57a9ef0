import { RuntimeServiceService } from '../../wire';
import { containerId } from '../check/lookup';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** ReopenContainerLog: the new file is there when this is answered. */
export const reopenContainerLog = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.reopenContainerLog, { kind: 'change' }, async (request, call) => {
    await parts.containers.reopenLog(containerId(parts, call.op, request.containerId), call.signal);
    return {};
  });
