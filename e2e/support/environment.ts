import { systemdRuns } from './machine';

/**
 * What the suites know of the daemon under test. Only the socket is needed to talk to it; the rest lets them look at the
 * machine from outside. Set by the global setup, or by whoever runs the suite against a daemon of their own.
 */
export interface Environment {
  readonly socket: string;
  readonly kind: DaemonKind;
  /** The run's folder: logs, IPAM, the daemon's record. Undefined when somebody else's daemon is tested. */
  readonly dir: string | undefined;
  readonly registry: string;
  /** Port of 127.0.0.1 that the daemon knows as `hostile.e2e.test`: a test puts a registry there. */
  readonly hostilePort: number;
}

export type DaemonKind = 'berth' | 'containerd';

/** Reads the environment; fails with the variable's name. */
export function environment(): Environment {
  return {
    socket: required('BERTH_E2E_SOCKET'),
    kind: daemonKind(),
    dir: process.env['BERTH_E2E_DIR'],
    registry: required('BERTH_E2E_REGISTRY'),
    hostilePort: Number(required('BERTH_E2E_HOSTILE_PORT')),
  };
}

export function daemonKind(): DaemonKind {
  const peer = process.env['BERTH_E2E_PEER'] ?? '';
  if (peer === '') return 'berth';
  if (peer === 'containerd') return peer;
  throw new Error(`BERTH_E2E_PEER is "${peer}": only containerd is known`);
}

/** Whether a daemon has its pods' cgroups made by systemd: berth does where it is init, and containerd is not told to. */
export function usesSlices(kind: DaemonKind = daemonKind()): boolean {
  return kind === 'berth' && systemdRuns();
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set: run e2e/run`);
  return value;
}
