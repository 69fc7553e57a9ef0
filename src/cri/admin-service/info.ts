import { admin } from '../../wire';
import type { Instrument } from '../instrument';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** Info: which daemon this is and what it holds. Answered while it starts, too: that is when people ask. */
export const info = (parts: CriParts, instrument: Instrument): Rpc =>
  unary(admin.AdminService.info, { kind: 'read', always: true }, () => {
    const { version, root, runRoot, socket, pid, startedAt, cgroup, runtimePath, runtimeVersion } = parts.facts;
    return {
      version,
      root,
      runRoot,
      socket,
      pid: BigInt(pid),
      startedAt,
      cgroup,
      runtimePath,
      runtimeVersion,
      pods: parts.pods.list().length,
      containers: parts.containers.list().length,
      images: parts.images.list().length,
      ready: instrument.readiness === 'ready',
    };
  });
