import { RuntimeServiceService } from '../../wire';
import { containerId } from '../check/lookup';
import { seconds } from '../check/required';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** StopContainer: success for one that has ended or is unknown. A caller that gives up is told so; the stop goes on. */
export const stopContainer = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.stopContainer, { kind: 'change' }, async (request, call) => {
    const timeout = seconds(call.op, 'timeout', request.timeout);
    await parts.containers.stop(containerId(parts, call.op, request.containerId), timeout, call.signal);
    return {};
  });
