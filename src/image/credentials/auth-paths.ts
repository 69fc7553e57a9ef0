import { join } from 'node:path';
import type { Environment } from '../../config';

type Places = Pick<Environment, 'home' | 'xdgRuntimeDir' | 'xdgConfigHome' | 'dockerConfig'>;

/** Where podman and docker keep credentials, in the order in which they are looked at (containers-auth.json(5)). */
export function usualAuthFiles({ home, xdgRuntimeDir, xdgConfigHome, dockerConfig }: Places, uid: number): string[] {
  return [
    xdgRuntimeDir === undefined ? `/run/containers/${uid}/auth.json` : join(xdgRuntimeDir, 'containers', 'auth.json'),
    join(xdgConfigHome ?? join(home, '.config'), 'containers', 'auth.json'),
    join(dockerConfig ?? join(home, '.docker'), 'config.json'),
  ];
}
