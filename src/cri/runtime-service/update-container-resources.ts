import { RuntimeServiceService } from '../../wire';
import { containerId } from '../check/lookup';
import { needMessage, refuseWindows } from '../check/required';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** UpdateContainerResources: other limits for a container that was created and has not ended. Annotations are for plugins. */
export const updateContainerResources = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.updateContainerResources, { kind: 'change' }, async (request, call) => {
    refuseWindows(call.op, 'request', request);
    const linux = needMessage(call.op, 'linux', request.linux);
    await parts.containers.updateResources(containerId(parts, call.op, request.containerId), linux, call.signal);
    return {};
  });
