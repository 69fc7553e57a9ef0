import { BerthError } from '../../base';
import { RuntimeServiceService } from '../../wire';
import { badField } from '../check/required';
import { needContainer } from '../check/lookup';
import { checkStreams } from '../check/streams';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** Exec: a URL at which the command can be started, once. */
export const exec = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.exec, { kind: 'change' }, (request, call) => {
    if (request.cmd.length === 0) throw badField(call.op, 'cmd', 'is missing');
    checkStreams(call.op, request);
    const container = needContainer(parts, call.op, request.containerId);
    if (container.phase !== 'running') {
      throw new BerthError('container-state', {
        op: call.op,
        object: `container ${container.id}`,
        detail: `it is ${container.phase}, not running`,
      });
    }
    return { url: parts.streaming.execUrl({ ...request, containerId: container.id }) };
  });
