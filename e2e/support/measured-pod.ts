import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cgroupBelow } from './cgroup-figures';
import { present } from './cri';
import type { Pod, Running, World } from './world';

/** A pod with a cgroup of its own, as a kubelet makes one for each. */
export async function podWithCgroup(world: World, over: { readonly host?: boolean } = { host: true }): Promise<Pod> {
  const config = world.podConfig(over);
  const linux = present(config.linux);
  const cgroupParent = cgroupBelow(linux.cgroupParent, `pod${present(config.metadata).uid}`);
  return world.runPod({ ...config, linux: { ...linux, cgroupParent } });
}

/** Has a container fetch so many bytes from a server of the test's. */
export async function fetchFromHost(world: World, container: Pick<Running, 'id'>, bytes: number): Promise<void> {
  const gateway = await world.sh(container, "ip route show default | cut -d' ' -f3 | head -n 1");
  const server = createServer((_request, response) => response.end('x'.repeat(bytes))).listen(0);
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await world.sh(container, `wget -q -O /dev/null http://${gateway}:${port}/`);
  } finally {
    server.close();
  }
}
