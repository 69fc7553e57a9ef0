import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { cgroupFolders, foldersAbove, type CgroupFolders } from '../../../e2e/support/cgroup-figures';
import { present, type PartialContainer } from '../../../e2e/support/cri';
import { removeCgroups } from '../../../e2e/support/daemon';
import { podWithCgroup } from '../../../e2e/support/measured-pod';
import { until } from '../../../e2e/support/wait';
import type { Pod, Running, World } from '../../../e2e/support/world';

const mib = 1024 * 1024;

/** Containers of one pod, each with a load that is the same whoever runs it. It says `ready` when it is all there. */
export const loadNames = ['burns', 'holds', 'writes', 'forks'] as const;
export type LoadName = (typeof loadNames)[number];

/** How many bytes go each way over the pod's network. */
const networkBytes = 8 * mib;

const scripts: Readonly<Record<LoadName, string>> = {
  burns: 'echo ready; while :; do :; done',
  // One block, read whole before the first byte of it is written: its pages are all touched, and nobody takes the rest.
  holds: `dd if=/dev/zero bs=${64 * mib} count=1 2> /dev/null | { head -c 1 > /dev/null; echo ready; exec sleep 3600; }`,
  // Twenty MiB and as many small files for the layer; eight MiB for a volume, read again: page cache that is in use.
  writes: [
    'dd if=/dev/zero of=/written bs=1M count=20 conv=fsync 2> /dev/null',
    'mkdir /many; for i in $(seq 20); do echo $i > /many/$i; done',
    'dd if=/dev/zero of=/volume/cached bs=1M count=8 conv=fsync 2> /dev/null',
    'cat /volume/cached /volume/cached /volume/cached > /dev/null',
    'echo ready; exec sleep 3600',
  ].join('; '),
  forks: 'for i in $(seq 20); do sleep 3600 & done; echo ready; wait',
};

const resources: Partial<Record<LoadName, { readonly [name: string]: bigint }>> = {
  burns: { cpuPeriod: 100_000n, cpuQuota: 50_000n },
  holds: { memoryLimitInBytes: BigInt(256 * mib) },
};

export interface RunningLoad {
  readonly pod: Pod;
  readonly containers: Readonly<Record<LoadName, Running>>;
}

/** Starts the pod with its containers and waits until each has done what it does; then the network has its share. */
export async function startLoad(world: World): Promise<RunningLoad> {
  const volume = join(world.dir, 'volume');
  await mkdir(volume);
  const pod = await podWithCgroup(world, {});
  const start = async (name: LoadName): Promise<Running> => {
    const config: PartialContainer = {
      metadata: { name },
      command: ['sh', '-c', scripts[name]],
      linux: { resources: resources[name] ?? {} },
      mounts: name === 'writes' ? [{ containerPath: '/volume', hostPath: volume }] : [],
    };
    const container = await world.start(config, pod);
    await until(`${name} to be ready`, async () => {
      const lines = await world.logOf(container);
      return lines.some(({ text }) => text.trim() === 'ready');
    });
    return container;
  };
  // One after the other: what the image's files take of memory is charged to who reads them first.
  const containers = {
    holds: await start('holds'),
    writes: await start('writes'),
    forks: await start('forks'),
    burns: await start('burns'),
  };
  await favour(await cgroupFolders(world, containers.burns.id));
  await exchange(world, containers.holds, networkBytes);
  return { pod, containers };
}

/** On a machine that has other work the quota is to be used nevertheless, or the load is not steady. */
async function favour(container: CgroupFolders): Promise<void> {
  const top = foldersAbove(foldersAbove(container));
  await writeFile(join(top.of('cpu'), top.pure ? 'cpu.weight' : 'cpu.shares'), top.pure ? '10000' : '100000');
}

/** Takes it away, with the pod's cgroup: berth removes what it has made, a containerd leaves that to the kubelet. */
export async function endLoad(world: World, { pod }: RunningLoad): Promise<void> {
  await world.removePod(pod.id);
  await removeCgroups(present(pod.config.linux).cgroupParent);
}

/** So many bytes to the pod, and as many from it. */
async function exchange(world: World, container: Running, bytes: number): Promise<void> {
  const gateway = await world.sh(container, "ip route show default | cut -d' ' -f3 | head -n 1");
  // nc stays until the other side ends.
  const server = createServer((socket) => {
    let missing = bytes;
    socket.on('data', ({ length }: Buffer) => {
      missing -= length;
      if (missing === 0) socket.end();
    });
    socket.write(Buffer.alloc(bytes));
  }).listen(0);
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await world.sh(container, `head -c ${bytes} /dev/zero | nc ${gateway} ${port} > /dev/null`);
  } finally {
    server.close();
  }
}
