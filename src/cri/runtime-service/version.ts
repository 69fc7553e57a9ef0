import { RuntimeServiceService } from '../../wire';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** The version of the kubelet's side of the API; it has been this one since CRI began. */
const kubeletApiVersion = '0.1.0';

/** Version: who we are. */
export const version = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.version, { kind: 'read' }, () => ({
    version: kubeletApiVersion,
    runtimeName: 'berth',
    runtimeVersion: parts.facts.version,
    runtimeApiVersion: 'v1',
  }));
