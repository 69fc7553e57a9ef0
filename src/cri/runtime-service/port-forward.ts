import { BerthError } from '../../base';
import { RuntimeServiceService } from '../../wire';
import { needPod } from '../check/lookup';
import { badField } from '../check/required';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** PortForward: a URL at which connections to the pod's ports can be had, by one client. Without ports it is for any of them. */
export const portForward = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.portForward, { kind: 'change' }, (request, call) => {
    for (const [at, port] of request.port.entries()) {
      if (port < 1 || port > 65_535) throw badField(call.op, `port[${at}]`, `is ${port}, not between 1 and 65535`);
    }
    const { id, phase } = needPod(parts, call.op, request.podSandboxId);
    if (phase !== 'ready') {
      throw new BerthError('pod-not-ready', { op: call.op, object: `pod ${id}`, detail: `the sandbox is ${phase}` });
    }
    return { url: parts.streaming.portForwardUrl({ podId: id, ports: request.port }) };
  });
