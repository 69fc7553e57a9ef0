import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { errnoOf } from '../../base';
import { interfaceTo, routeLocalnet, setRouteLocalnet } from '../../kernel';
import { isWildcard } from './mappings';
import type { Served } from './ruleset';

/** Lets the host's own packets from 127.0.0.1 out to pods, through those interfaces that need it and no other. */
export interface Localhost {
  /** Opens the interface that leads to this pod, if one of its ports is served on 127.0.0.0/8. */
  open(pod: Served): Promise<void>;
  /** Closes the interfaces that no pod of these needs and that berth has opened. */
  closeAllBut(pods: readonly Served[]): Promise<void>;
}

/** `folder` has a file by the name of each interface that berth has opened; made before, removed after. */
export function createLocalhost(folder: string): Localhost {
  const interfaceOf = async ({ ports, addresses }: Served): Promise<string | undefined> => {
    const address = addresses.find(({ ip }) => isIPv4(ip));
    const local = ports.some(({ hostIp }) => (isWildcard(hostIp) && hostIp !== '::') || hostIp.startsWith('127.'));
    return address && local ? interfaceTo(address.ip) : undefined;
  };

  return {
    async open(pod) {
      const name = await interfaceOf(pod);
      // Somebody else's opening is not ours to close.
      if (name === undefined || (await routeLocalnet(name)) !== false) return;
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, name), '');
      await setRouteLocalnet(name, true);
    },

    async closeAllBut(pods) {
      const opened = await namesIn(folder);
      if (opened.length === 0) return;
      const needed = await Promise.all(pods.map(interfaceOf));
      for (const name of opened.filter((each) => !needed.includes(each))) {
        await setRouteLocalnet(name, false);
        await rm(join(folder, name), { force: true });
      }
    },
  };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
