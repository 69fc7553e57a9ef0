import { CgroupDriver, RuntimeServiceService } from '../../wire';
import type { CriParts, RuntimeFacts } from '../parts';
import { unary, type Rpc } from '../rpc';

const drivers: Readonly<Record<RuntimeFacts['cgroupDriver'], CgroupDriver>> = {
  cgroupfs: CgroupDriver.CGROUPFS,
  systemd: CgroupDriver.SYSTEMD,
};

/** RuntimeConfig: the cgroup driver, which the kubelet takes over. */
export const runtimeConfig = (parts: CriParts): Rpc =>
  unary(RuntimeServiceService.runtimeConfig, { kind: 'read' }, () => ({
    linux: { cgroupDriver: drivers[parts.facts.cgroupDriver] },
  }));
