import { BerthError } from '../../base';
import { RuntimeServiceService, type ExecRequest } from '../../wire';
import { badField } from '../check/required';
import { needContainer } from '../check/lookup';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** Exec: a URL at which the command can be started, once. */
export const exec = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.exec, { kind: 'change' }, (request, call) => {
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

function checkStreams(op: string, request: ExecRequest): void {
  if (request.cmd.length === 0) throw badField(op, 'cmd', 'is missing');
  if (!request.stdin && !request.stdout && !request.stderr) {
    throw badField(op, 'stdin, stdout, stderr', 'none is set; at least one has to be');
  }
  if (request.tty && request.stderr) throw badField(op, 'stderr', 'is set with tty: a terminal has one output');
}
