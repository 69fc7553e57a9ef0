import { randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { slow } from '../../test/slow.cjs';
import { ContainerState } from '../../src/wire';
import { troubles } from '../support/crash/whole';
import { endDaemon, launch, logOf, removeTraces } from '../support/daemon';
import { berthdCommand } from '../support/berthd';
import { layoutIn, makeLayout, type Layout } from '../support/layout';
import { freePort, run } from '../support/machine';
import { readLog, Replay, type LogEntry } from '../support/power-loss/log';
import { parseMark, promisedBy, type Mark } from '../support/power-loss/marks';
import { readRecording, type Recording } from '../support/power-loss/recording';
import { seededRandom } from '../support/random';
import { Registry } from '../support/registry';
import { World } from '../support/world';

const folder = resolve(process.env['BERTH_POWER_LOSS_RECORDING'] ?? '');
const count = Number(process.env['BERTH_POWER_LOSS_POINTS'] ?? 40);
const seed = Number(process.env['BERTH_POWER_LOSS_SEED'] ?? 20261127);

/** Each answer, as many moments at which the disk's cache was emptied, and random ones. Indexes of the first entry that is lost. */
function drawPoints(entries: readonly LogEntry[]): number[] {
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  const indexes = (wanted: (entry: LogEntry) => boolean) =>
    entries.flatMap((entry, at) => (wanted(entry) ? [at + 1] : []));
  const start = entries.findIndex(({ kind }) => kind === 'mark');
  const kinds = [
    indexes(({ text }) => parseMark(text)?.when === 'done'),
    indexes(({ durable }) => durable),
    // The write that empties the cache is the one that is lost.
    indexes(({ durable }) => durable).map((at) => at - 1),
    indexes(() => true),
  ].map((points) => points.filter((at) => at > start));
  const drawn = new Set<number>();
  for (let tries = 0; drawn.size < count && tries < count * 20; tries++) {
    const point = pick(kinds[tries % kinds.length] ?? []);
    if (point !== undefined) drawn.add(point);
  }
  return [...drawn].sort((a, b) => a - b);
}

/** berthd as after a reboot: the kernel's id of the boot is another one for it. */
async function rebooted(layout: Layout, registry: string): Promise<readonly string[]> {
  const bootId = join(layout.dir, 'boot-id');
  await writeFile(bootId, `${randomUUID()}\n`);
  const command = await berthdCommand({ layout, hosts: { registry, hostile: registry } });
  const script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
  return ['unshare', '--mount', 'sh', '-c', script, bootId, ...command];
}

const marksOf = (entries: readonly LogEntry[]): Mark[] => entries.flatMap(({ text }) => parseMark(text) ?? []);

interface Scene {
  readonly recording: Recording;
  readonly registry: string;
  /** Has the disk as it was at the point. */
  readonly image: string;
}

/** Starts berthd on the disk, and gives what is wrong with what it serves. */
async function look(
  { recording, registry, image }: Scene,
  before: readonly LogEntry[],
  whole: boolean,
): Promise<string[]> {
  const disk = join(recording.dir, 'disk');
  const layout = { ...layoutIn(recording.dir, recording.names), root: join(disk, 'root') };
  await mkdir(disk, { recursive: true });
  await run('mount', '-o', 'loop', image, disk);
  try {
    await makeLayout(layout, false);
    const command = await rebooted(layout, registry);
    const daemon = await launch({ kind: 'berth', command, layout, env: {} });
    const world = await World.open(layout.socket, recording.names.cgroupParent);
    try {
      const found = await lookAt(world, layout, recording, before);
      return found.length > 0 || !whole ? found : [...found, ...(await pullAgain(world, layout, recording))];
    } finally {
      await world.clear();
      await world.close();
      await endDaemon(daemon);
      await removeTraces(layout);
    }
  } finally {
    await run('umount', disk);
    await rm(recording.dir, { recursive: true });
  }
}

async function lookAt(
  world: World,
  layout: Layout,
  { images }: Recording,
  before: readonly LogEntry[],
): Promise<string[]> {
  const { cri } = world;
  const promised = promisedBy(marksOf(before));
  const containers = await cri.listContainers();
  for (const { id } of await cri.listPods()) world.adopt(id);
  await world.clear();
  const ids = new Set((await cri.listImages()).map(({ id }) => id));
  const led = await Promise.all(
    [...promised.names].map(async ([name, id]) => [name, id, await cri.imageStatus(name)] as const),
  );
  const log = await readFile(logOf(layout), 'utf8');
  return [
    ...(await troubles(cri, layout, new Map(images.map((image) => [image.id, image])))),
    ...[...promised.images].filter((id) => !ids.has(id)).map((id) => `${id} is gone, whose pull had been answered`),
    ...led.filter(([, id, image]) => image?.id !== id).map(([name, id]) => `${name} does not lead to ${id}`),
    ...containers
      .filter(({ state }) => state !== ContainerState.CONTAINER_EXITED)
      .map(({ id, state }) => `container ${id} of before is in state ${state}`),
    ...(await readdir(join(layout.root, 'containers'))).map((id) => `left of a container: ${id}`),
    ...log.split('\n').filter((line) => /goes on in its old file|layers are gone|not recovered/.test(line)),
  ];
}

/** All images are pulled, those that are there too, and one of them runs. */
async function pullAgain(world: World, layout: Layout, { images, pulls }: Recording): Promise<string[]> {
  for (const [name, id] of Object.entries(pulls)) expect([name, await world.cri.pull(name)]).toEqual([name, id]);
  const { status } = await world.runToEnd('exit 7', { imageName: images[0]?.id ?? '' });
  return [
    ...(status.exitCode === 7 ? [] : [`a container ended with ${status.exitCode}`]),
    ...(await troubles(world.cri, layout, new Map(images.map((image) => [image.id, image])))),
  ];
}

test(
  `${count} moments of seed ${seed}: what is started on the disk serves whole images, and all that was answered`,
  async () => {
    const recording = await readRecording(folder);
    const log = join(folder, 'writes.log');
    const entries = await readLog(log);
    const points = drawPoints(entries);
    const work = join(folder, 'replay');
    await mkdir(work, { recursive: true });
    const port = await freePort();
    const registry = await Registry.start(join(work, 'registry'), port, { data: join(folder, 'data') });
    const [disk, image] = [join(work, 'disk.img'), join(work, 'at-the-point.img')];
    const wrong: string[] = [];
    let promised = 0;
    try {
      await using replay = await Replay.open(entries, log, disk, recording.size);
      for (const [at, point] of points.entries()) {
        await replay.upTo(point);
        await run('cp', '--sparse=always', disk, image);
        promised += promisedBy(marksOf(entries.slice(0, point))).images.size;
        const scene = { recording, registry: registry.address, image };
        const found = await look(scene, entries.slice(0, point), at % 5 === 0).catch((error: unknown) => [
          String(error),
        ]);
        wrong.push(...found.map((line) => `power lost before entry ${point} of ${entries.length}: ${line}`));
      }
    } finally {
      await registry.stop();
      await rm(work, { recursive: true });
    }
    expect(wrong).toEqual([]);
    process.stdout.write(
      `${points.length} moments among ${entries.length} writes: ${promised} images whose pull had been answered, all there\n`,
    );
  },
  (120_000 + count * 60_000) * slow,
);
