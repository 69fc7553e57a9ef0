import { RuntimeServiceService } from '../../wire';
import { needPod } from '../check/lookup';
import { filterContainers } from '../convert/filter';
import { toPodStats } from '../convert/stats';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** PodSandboxStats. */
export const podSandboxStats = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.podSandboxStats, { kind: 'read' }, (request, call) => {
    const pod = needPod(parts, call.op, request.podSandboxId);
    const containers = filterContainers(parts.containers.list(), undefined);
    return {
      stats: toPodStats(
        parts,
        pod,
        containers.filter(({ sandboxId }) => sandboxId === pod.id),
      ),
    };
  });
