import { BerthError } from '../base';

/** The first descriptor that is passed; more follow it (sd_listen_fds(3)). */
const firstDescriptor = 3;

/**
 * The listening socket that systemd has started this process with; undefined without a socket unit. Its variables are
 * taken out of the environment, so that no child takes them for its own. Throws `config-invalid` for more than one.
 */
export function takePassedSocket(environment: NodeJS.ProcessEnv, pid: number): number | undefined {
  const { LISTEN_PID: forPid, LISTEN_FDS: count } = environment;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID']) delete environment[name];
  if (forPid !== String(pid) || count === undefined || count === '0') return undefined;
  if (count === '1') return firstDescriptor;
  throw new BerthError('config-invalid', {
    op: 'listen',
    object: `LISTEN_FDS=${count}`,
    detail: 'CRI is served on one socket',
    remedy: 'have the socket unit listen on one unix stream socket',
  });
}
