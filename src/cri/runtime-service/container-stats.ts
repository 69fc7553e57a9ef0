import { RuntimeServiceService } from '../../wire';
import { needContainer } from '../check/lookup';
import { toContainerStats } from '../convert/stats';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** ContainerStats. */
export const containerStats = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.containerStats, { kind: 'read' }, (request, call) => ({
    stats: toContainerStats(parts, needContainer(parts, call.op, request.containerId)),
  }));
