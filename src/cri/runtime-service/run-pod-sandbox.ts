import { RuntimeServiceService } from '../../wire';
import { checkSandboxConfig } from '../check/sandbox-config';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** RunPodSandbox: asked again with the same metadata, it joins the first call or gives its sandbox. */
export const runPodSandbox = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.runPodSandbox, { kind: 'change' }, async (request, call) => {
    const config = checkSandboxConfig(call.op, 'config', request.config);
    return { podSandboxId: await parts.pods.run(config, request.runtimeHandler, call.signal) };
  });
