import { RuntimeServiceService } from '../../wire';
import { checkContainerConfig } from '../check/container-config';
import { podId } from '../check/lookup';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** CreateContainer: asked again with the same metadata, it joins the first call or gives its container. */
export const createContainer = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.createContainer, { kind: 'change' }, async (request, call) => {
    const sandboxId = podId(parts, call.op, request.podSandboxId);
    const config = checkContainerConfig(call.op, 'config', request.config);
    const containerId = await parts.containers.create(sandboxId, config, request.sandboxConfig, call.signal);
    return { containerId };
  });
