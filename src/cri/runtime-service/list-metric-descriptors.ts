import { RuntimeServiceService } from '../../wire';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/**
 * ListMetricDescriptors: the kubelet asks once, when it starts, and drops what was not named then. So all are named, also
 * those that a reload of the configuration may turn on.
 */
export const listMetricDescriptors = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.listMetricDescriptors, { kind: 'read' }, () => ({
    descriptors: parts.podMetrics.descriptors.map(({ name, help, labelKeys }) => ({
      name,
      help,
      labelKeys: [...labelKeys],
    })),
  }));
