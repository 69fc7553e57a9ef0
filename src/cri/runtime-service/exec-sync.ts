import { RuntimeServiceService } from '../../wire';
import { badField, seconds } from '../check/required';
import { needContainer } from '../check/lookup';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** ExecSync: an exit code other than 0 is an answer, not an error. */
export const execSync = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.execSync, { kind: 'read' }, async (request, call) => {
    if (request.cmd.length === 0) throw badField(call.op, 'cmd', 'is missing');
    const timeout = seconds(call.op, 'timeout', request.timeout);
    const { id } = needContainer(parts, call.op, request.containerId);
    return parts.containers.execSync(id, request.cmd, timeout, call.signal);
  });
