import { RuntimeServiceService } from '../../wire';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** UpdateRuntimeConfig: the pod CIDR, which is no concern of ours: the network's addresses are the CNI plugin's. */
export const updateRuntimeConfig = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.updateRuntimeConfig, { kind: 'change' }, (request) => {
    const podCidr = request.runtimeConfig?.networkConfig?.podCidr;
    parts.log.debug({ podCidr }, 'the pod CIDR is left to the CNI plugin');
    return {};
  });
