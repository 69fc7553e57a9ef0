import { BerthError } from '../../base';
import { RuntimeServiceService } from '../../wire';
import { encodedUnary, serverStream, type Rpc } from '../rpc';

/** What this version of berth does not offer yet: refused by name, so that nobody takes it for a broken connection. */
export const notImplemented: readonly Rpc[] = [
  RuntimeServiceService.listMetricDescriptors,
  RuntimeServiceService.listPodSandboxMetrics,
  RuntimeServiceService.streamPodSandboxMetrics,
].map(refusal);

interface Refused {
  readonly path: string;
  readonly responseStream: boolean;
  readonly requestDeserialize: (bytes: Buffer) => object;
}

function refusal(method: Refused): Rpc {
  const offer = method.responseStream ? serverStream : encodedUnary;
  return offer(method, { kind: 'read' }, (_request, call) => {
    throw new BerthError('not-implemented', { op: call.op, detail: `berth has no ${call.op} yet` });
  });
}
