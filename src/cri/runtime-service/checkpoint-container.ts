import { isAbsolute } from 'node:path';
import { RuntimeServiceService } from '../../wire';
import { needContainer } from '../check/lookup';
import { badField, needText, seconds } from '../check/required';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** CheckpointContainer. A caller that gives up is told so; the checkpoint is finished. */
export const checkpointContainer = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.checkpointContainer, { kind: 'change' }, async (request, call) => {
    const { id } = needContainer(parts, call.op, request.containerId);
    const location = needText(call.op, 'location', request.location);
    if (!isAbsolute(location)) throw badField(call.op, 'location', `is no absolute path: ${location}`);
    const timeout = seconds(call.op, 'timeout', request.timeout);
    await parts.containers.checkpoint(id, location, timeout, call.signal);
    return {};
  });
