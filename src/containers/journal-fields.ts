import type { ContainerConfig, PodSandboxConfig } from '../wire';

/** What journald keeps with each record of a container's log: conmon's field names, and CRI-O's name of a container. */
export function journalFields(
  id: string,
  sandbox: PodSandboxConfig,
  config: ContainerConfig,
): Readonly<Record<string, string>> {
  const { name = '', namespace = '', uid = '' } = sandbox.metadata ?? {};
  const { name: container = '', attempt = 0 } = config.metadata ?? {};
  return {
    CONTAINER_ID: id.slice(0, 12),
    CONTAINER_ID_FULL: id,
    CONTAINER_NAME: `k8s_${container}_${name}_${namespace}_${uid}_${attempt}`,
    POD_NAME: name,
    POD_NAMESPACE: namespace,
    SYSLOG_IDENTIFIER: container,
  };
}
