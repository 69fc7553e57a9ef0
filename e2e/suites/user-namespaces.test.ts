import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { NamespaceMode, type IDMapping } from '../../src/wire';
import type { PartialContainer, PartialPod } from '../support/cri';
import { images } from '../support/fixtures';
import { run } from '../support/machine';
import { berthOnly, restartable, useWorld } from '../support/suite';
import { until } from '../support/wait';
import type { Pod, World } from '../support/world';

const suite = useWorld();
const length = 65_536;

/** A range as the kubelet gives them out: none is another pod's. */
let taken = 8;
const drawRange = (): IDMapping => ({ hostId: taken++ * length, containerId: 0, length });

const options = (uids: readonly IDMapping[], gids: readonly IDMapping[] = uids) => ({
  network: NamespaceMode.POD,
  pid: NamespaceMode.CONTAINER,
  ipc: NamespaceMode.POD,
  usernsOptions: { mode: NamespaceMode.POD, uids: [...uids], gids: [...gids] },
});

/** A pod with user ids and group ids of its own, those of groups elsewhere. */
async function mappedPod(
  world: World,
  over: PartialPod = {},
): Promise<Pod & { readonly base: number; readonly groups: number; readonly range: IDMapping }> {
  const [range, gids] = [drawRange(), drawRange()];
  const namespaceOptions = options([range], [gids]);
  const config = world.podConfig({
    ...over,
    linux: { ...over.linux, securityContext: { namespaceOptions, ...over.linux?.securityContext } },
  });
  const pod = await world.runPod(config);
  return { ...pod, base: range.hostId, groups: gids.hostId, range };
}

/** The process of the container, as the node sees it. */
async function initOf(world: World, id: string): Promise<number> {
  const { info } = await world.cri.containerStatusVerbose(id);
  return (JSON.parse(info['info'] ?? '{}') as { pid: number }).pid;
}

berthOnly('pods with user namespaces', () => {
  beforeAll(async () => {
    for (const image of [images.busybox, images.nginx, images.volume]) await suite.world.cri.pull(image);
  });

  test('root inside is nobody’s root outside; the image’s files are root’s', async () => {
    const { world } = suite;
    const pod = await mappedPod(world, { hostname: 'in-userns' });
    const container = await world.start({}, pod);
    expect((await world.sh(container, 'cat /proc/self/uid_map')).split(/\s+/)).toEqual(['0', `${pod.base}`, '65536']);
    expect((await world.sh(container, 'cat /proc/self/gid_map')).split(/\s+/)).toEqual(['0', `${pod.groups}`, '65536']);
    expect(await world.sh(container, 'id -u; hostname')).toBe('0\nin-userns');
    const owners = 'stat -c %u:%g / /etc/passwd /data/kept /dev/shm /etc/resolv.conf /etc/hostname';
    expect(await world.sh(container, owners)).toBe(Array(6).fill('0:0').join('\n'));

    const pid = await initOf(world, container.id);
    expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(new RegExp(`^Uid:\\s+${pod.base}\\s`, 'm'));
    await world.sh(
      container,
      'touch /made && mkdir -p /data/sub && echo changed >> /etc/passwd && chown 7:8 /data/kept',
    );
    const outside = async (path: string) => {
      const { uid, gid } = await stat(`/proc/${pid}/root${path}`);
      return [uid - pod.base, gid - pod.groups];
    };
    expect([await outside('/made'), await outside('/etc/passwd'), await outside('/data/kept')]).toEqual([
      [0, 0],
      [0, 0],
      [7, 8],
    ]);
  });
});
