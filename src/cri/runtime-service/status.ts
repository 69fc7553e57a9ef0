import { RuntimeServiceService, type RuntimeCondition, type RuntimeHandler } from '../../wire';
import { verboseInfo } from '../convert/info';
import type { CriParts, HandlerFacts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** Status: the two conditions that make a node ready, and what handlers can do. */
export const status = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.status, { kind: 'read' }, (request) => ({
    status: {
      conditions: [
        toCondition('RuntimeReady', parts.runtimeCondition()),
        toCondition('NetworkReady', parts.pods.networkCondition()),
      ],
    },
    info: request.verbose ? verboseInfo('config', configInfo(parts)) : {},
    runtimeHandlers: toHandlers(parts),
    features: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: false, mountOptions: true },
  }));

function toCondition(type: string, condition: ReturnType<CriParts['runtimeCondition']>): RuntimeCondition {
  const { ready, reason, message } = condition;
  return { type, status: ready, reason: ready ? '' : reason, message };
}

/** Every handler by its name, and the default one by the empty name too, which pods without a handler ask for. */
function toHandlers(parts: CriParts): RuntimeHandler[] {
  const handlers = parts.handlers();
  const { defaultHandler } = parts.facts;
  const standard = handlers.filter((handler) => handler.name === defaultHandler);
  return [...standard.map((handler) => ({ ...handler, name: '' })), ...handlers].map(toHandler);
}

function toHandler({ name, features }: HandlerFacts): RuntimeHandler {
  const { recursiveReadOnlyMounts, userNamespaces, idmappedMounts } = features;
  // A kubelet that is told of user namespaces wants the pod's volumes idmapped.
  return { name, features: { recursiveReadOnlyMounts, userNamespaces: userNamespaces && idmappedMounts } };
}

/** The configuration, and `stateDir`: where critest looks whether the file system can be idmapped. */
function configInfo(parts: CriParts): object {
  const { root, runRoot, cgroup, cgroupDriver, runtimePath, runtimeVersion } = parts.facts;
  return { ...parts.config(), stateDir: root, runRoot, cgroup, cgroupDriver, runtimePath, runtimeVersion };
}
