import type { LinuxPodSandboxConfig, PodSandboxConfig } from '../wire';
import type { PodResources } from './pods';

/** A pod's Linux part that says nothing. */
const noLinux: LinuxPodSandboxConfig = {
  cgroupParent: '',
  securityContext: undefined,
  sysctls: {},
  overhead: undefined,
  resources: undefined,
};

/** The configuration with other resources; what is absent stays as it was. */
export function withResources(config: PodSandboxConfig, { overhead, resources }: PodResources): PodSandboxConfig {
  const linux = { ...config.linux, ...(overhead && { overhead }), ...(resources && { resources }) };
  return { ...config, linux: { ...noLinux, ...linux } };
}
