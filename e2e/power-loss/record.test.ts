import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { slow } from '../../test/slow.cjs';
import { host, movingTag, pushKnownImages, type KnownImage } from '../support/crash/images';
import { endDaemon, launch, startDaemon } from '../support/daemon';
import { usesSlices } from '../support/environment';
import { layoutIn, makeLayout } from '../support/layout';
import { drawNames, freePort, run } from '../support/machine';
import { RecordedDisk } from '../support/power-loss/device';
import { readLog } from '../support/power-loss/log';
import { markText, type Mark } from '../support/power-loss/marks';
import { expectedImages, writeRecording } from '../support/power-loss/recording';
import { Registry } from '../support/registry';
import { World } from '../support/world';

/** Small images: the guest is slow, and the log is carried out of it. */
const scale = 0.25;
const diskMebibytes = 384;
const out = process.env['BERTH_VM_OUT'];

test(
  'pulls and removals are recorded, write by write',
  async () => {
    if (out === undefined) throw new Error('BERTH_VM_OUT is not set: run e2e/vm/power-loss');
    const dir = await mkdtemp(join(tmpdir(), 'berth-power-loss-'));
    const registry = await Registry.start(join(dir, 'registry'), await freePort());
    const images = await pushKnownImages(registry, scale);
    const names = await drawNames('power', usesSlices());
    const layout = { ...layoutIn(dir, names), root: join(dir, 'disk/root') };
    const tagOf = ({ repository }: KnownImage) => `${host}/${repository}:1`;
    const find = (repository: string) => {
      const image = images.all.find((each) => each.repository === `crash/${repository}`);
      if (!image) throw new Error(`no image ${repository}`);
      return image;
    };
    const [alone, one, two, completed, bulk, loaded] = ['alone', 'one', 'two', 'completed', 'bulk', 'loaded'].map(find);
    if (!alone || !one || !two || !completed || !bulk || !loaded) throw new Error('six were found');
    const [left, right] = images.moving;

    {
      await using disk = await RecordedDisk.open(dir, join(dir, 'disk'), diskMebibytes);
      await makeLayout(layout, false);
      const hosts = { registry: registry.address, hostile: registry.address };
      let daemon = await startDaemon('berth', { layout, hosts });
      const world = await World.open(layout.socket, names.cgroupParent);
      const noted = async (mark: Omit<Mark, 'when'>, step: () => Promise<unknown>) => {
        await disk.mark(markText({ when: 'begin', ...mark }));
        try {
          await step();
        } catch (error) {
          await disk.mark(markText({ when: 'failed', ...mark }));
          throw error;
        }
        await disk.mark(markText({ when: 'done', ...mark }));
      };
      const pull = (image: KnownImage, name = tagOf(image)) =>
        noted({ what: 'pull', id: image.id, name }, () => world.cri.pull(name));
      const remove = (image: KnownImage, name = tagOf(image)) =>
        noted({ what: 'remove', id: image.id, name }, () => world.cri.removeImage(name));
      const move = async (image: KnownImage) => {
        await registry.pushManifest(image.repository, '1', image.manifest);
        await pull(image, movingTag);
      };

      await pull(alone);
      // A container that writes all the time: its upper layer is not synced, and nobody waits for it.
      await world.start({
        imageName: tagOf(alone),
        command: ['sh', '-c', 'while :; do date >>/written; sleep 0.2; done'],
      });
      await Promise.all([pull(one), pull(completed)]);
      await Promise.all([remove(one), move(left)]);
      await pull(two);
      await move(right);
      await Promise.all([remove(two), pull(bulk)]);
      const archive = join(dir, 'loaded.tar');
      await writeFile(archive, images.loaded.archive);
      await noted({ what: 'pull', id: loaded.id, name: tagOf(loaded) }, () => world.cri.load(archive));
      await remove(completed, completed.id);
      await pull(one, `${host}/${one.repository}@${one.manifest.digest}`);

      // A power loss may follow a kill: the next daemon begins with what the last one had not flushed.
      const cutOff = [remove(left, left.id), remove(bulk, bulk.id), pull(two)];
      await Promise.race(cutOff);
      await endDaemon(daemon, 'SIGKILL');
      await Promise.allSettled(cutOff);
      world.disconnect();
      daemon = await launch(daemon);
      world.reconnect();

      await Promise.all([remove(loaded, loaded.id), pull(completed), pull(two)]);
      await Promise.all([remove(right, movingTag), pull(bulk)]);
      await pull(loaded);
      for (const { id } of await world.cri.listPods()) world.adopt(id);
      await world.clear();
      await world.close();
      await endDaemon(daemon);
    }

    const log = join(dir, 'writes.log');
    const entries = await readLog(log);
    const last = entries.at(-1);
    await truncate(log, (last?.at ?? 0) + (last?.length ?? 0));
    await registry.stop();
    await mkdir(out, { recursive: true });
    await run('mv', registry.data, join(out, 'data'));
    await run('mv', log, join(out, 'writes.log'));
    const pulls = Object.fromEntries(images.all.map((image) => [tagOf(image), image.id]));
    const size = diskMebibytes * 1024 * 1024;
    await writeRecording(out, {
      dir,
      names,
      size,
      pulls: { ...pulls, [movingTag]: right.id },
      images: expectedImages(images),
    });
    await rm(dir, { recursive: true });
  },
  600_000 * slow,
);
