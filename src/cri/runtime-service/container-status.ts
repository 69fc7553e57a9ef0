import { RuntimeServiceService } from '../../wire';
import { needContainer } from '../check/lookup';
import { containerInfo, toContainerStatus } from '../convert/container';
import { verboseInfo } from '../convert/info';
import type { ContainerRecord, CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** ContainerStatus. */
export const containerStatus = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.containerStatus, { kind: 'read' }, async (request, call) => {
    const container = needContainer(parts, call.op, request.containerId);
    return {
      status: toContainerStatus(container),
      info: request.verbose ? await toInfo(parts, container) : {},
    };
  });

async function toInfo(parts: CriParts, container: ContainerRecord): Promise<Record<string, string>> {
  const runtimeSpec = await parts.runtimeSpec?.(container.id);
  return verboseInfo('info', containerInfo(container, runtimeSpec));
}
