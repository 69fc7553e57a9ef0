import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf, type Log } from '../base';

/** What systemd says of the unit that this process is. */
export interface UnitProperties {
  readonly mainPid: number;
  readonly delegate: boolean;
  readonly killMode: string;
  /** From the root of the hierarchies. */
  readonly cgroup: string;
}

/** The output of `systemctl show`: `Name=value` lines. */
export function parseUnit(text: string): UnitProperties {
  const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  return {
    mainPid: Number(value('MainPID')),
    delegate: value('Delegate') === 'yes',
    killMode: value('KillMode'),
    cgroup: value('ControlGroup'),
  };
}

/** The service in a text like /proc/self/cgroup; a process that is no service's has none. */
export function serviceIn(cgroups: string): string | undefined {
  return /^(?:0:|\d+:name=systemd):\/(?:.*\/)?([^/]+\.service)(?:\/.*)?$/m.exec(cgroups)?.[1];
}

/** What keeps helpers and monitors out of the unit's cgroup: there they would have to end with the daemon. */
export function unitProblem(unit: UnitProperties): string | undefined {
  if (!unit.delegate) return 'it has no Delegate=yes';
  return unit.killMode === 'process' ? undefined : `it has KillMode=${unit.killMode}, not process`;
}

const showMs = 10_000;

/**
 * The cgroup of the service that this process is the main process of, if systemd leaves it to the service to shape and
 * ends nobody in it but the daemon; undefined otherwise. Asks systemctl: the cgroup itself does not tell, and the launcher,
 * which everything else is started by, needs to know its place before it runs.
 */
export async function delegatedCgroup(cgroups: string, log: Pick<Log, 'info' | 'warn'>): Promise<string | undefined> {
  const unit = serviceIn(cgroups);
  if (unit === undefined) return undefined;
  try {
    const args = ['show', '--property=MainPID,Delegate,KillMode,ControlGroup', '--', unit];
    const { stdout } = await promisify(execFile)('systemctl', args, { timeout: showMs });
    const properties = parseUnit(stdout);
    // What another service has started is not that service.
    if (properties.mainPid !== process.pid) return undefined;
    const problem = unitProblem(properties);
    if (problem === undefined) return properties.cgroup;
    log.info({ unit }, `helpers and monitors have a cgroup outside of the unit: ${problem}`);
  } catch (error) {
    log.warn({ err: error, unit }, `helpers and monitors have a cgroup outside of the unit: ${messageOf(error)}`);
  }
  return undefined;
}
