import { BerthError } from '../../base';
import { RuntimeServiceService } from '../../wire';
import { badField } from '../check/required';
import { needContainer } from '../check/lookup';
import { checkStreams } from '../check/streams';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/**
 * Attach: a URL at which a client can take part in the container's own streams, once. Before the start, too: such a client
 * misses nothing.
 */
export const attach = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.attach, { kind: 'change' }, (request, call) => {
    checkStreams(call.op, request);
    const { id, phase, config } = needContainer(parts, call.op, request.containerId);
    if (phase !== 'created' && phase !== 'running') {
      const detail = `it is ${phase}, neither created nor running`;
      throw new BerthError('container-state', { op: call.op, object: `container ${id}`, detail });
    }
    // Its stderr would be lost: who believes in a terminal takes no other output.
    if (request.tty && !config.tty) throw badField(call.op, 'tty', 'is set, and the container was created without one');
    return { url: parts.streaming.attachUrl({ ...request, containerId: id }) };
  });
