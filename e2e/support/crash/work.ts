import { setTimeout as delay } from 'node:timers/promises';
import type { RegistryContent } from '../registry';
import type { World } from '../world';
import { host, movingTag, type KnownImage, type KnownImages } from './images';

/** One thing that a client asks for, and asks for again after the daemon was killed. */
export interface Work {
  readonly label: string;
  run(): Promise<unknown>;
  /** Has to succeed when it is called alone. */
  again(): Promise<unknown>;
}

export interface Site {
  readonly world: World;
  readonly images: KnownImages;
  readonly registry: RegistryContent;
  /** Path of the archive that is loaded. */
  readonly archive: string;
  readonly random: () => number;
}

const tagOf = ({ repository }: KnownImage): string => `${host}/${repository}:1`;
const digestOf = ({ repository, manifest }: KnownImage): string => `${host}/${repository}@${manifest.digest}`;

/** Draws what is asked for at once: every kind of pull, removals of what is there or on its way, loads, containers. */
export function drawWork(site: Site, count: number): Work[] {
  return Array.from({ length: count }, () => drawOne(site)).flat();
}

/** Runs it all, each a moment after the one before; gives what each came to. */
export async function runWork(work: readonly Work[], random: () => number): Promise<PromiseSettledResult<unknown>[]> {
  let at = 0;
  return Promise.allSettled(
    work.map(async (one) => {
      // Who asks when is what is varied: there is nothing to wait for.
      at += random() * 60;
      await delay(at);
      await one.run();
    }),
  );
}

function drawOne(site: Site): Work[] {
  const { random, images } = site;
  const image = pick(random, images.all);
  const draw = random();
  if (draw < 0.2) return [pull(site, tagOf(image), image)];
  if (draw < 0.3) return [pull(site, tagOf(image), image), pull(site, tagOf(image), image)];
  if (draw < 0.4) return [pull(site, digestOf(image), image)];
  if (draw < 0.5) return [move(site, pick(random, images.moving))];
  if (draw < 0.6) return [load(site)];
  if (draw < 0.7) return [container(site, image)];
  // A removal beside the pull of an image that has layers in common with it.
  if (draw < 0.8) return [remove(site, image), pull(site, tagOf(pick(random, images.all)), undefined)];
  return [remove(site, image)];
}

function pick<T>(random: () => number, from: readonly T[]): T {
  const one = from[Math.floor(random() * from.length)];
  if (one === undefined) throw new RangeError('nothing to pick from');
  return one;
}

function pull({ world, images }: Site, name: string, image: KnownImage | undefined): Work {
  const run = async () => {
    const id = await world.cri.pull(name);
    const expected = image && name.includes('@') ? [image.id] : idsBehind(images, name);
    if (!expected.includes(id)) throw new Error(`the pull of ${name} gave ${id}, not ${expected.join(' or ')}`);
  };
  return { label: `pull ${name}`, run, again: run };
}

/** A tag may lead to whichever of the moving images was pushed last. */
function idsBehind({ all }: KnownImages, tag: string): string[] {
  return all.filter((image) => tagOf(image) === tag).map(({ id }) => id);
}

function move(site: Site, image: KnownImage): Work {
  const pulled = pull(site, movingTag, undefined);
  return {
    label: `move ${movingTag} to ${image.id} and pull it`,
    run: async () => {
      await site.registry.pushManifest(image.repository, '1', image.manifest);
      await pulled.run();
    },
    again: pulled.again,
  };
}

function remove({ world, random }: Site, image: KnownImage): Work {
  const name = pick(random, [tagOf(image), digestOf(image), image.id]);
  const run = () => world.cri.removeImage(name);
  return { label: `remove ${name}`, run, again: run };
}

function load({ world, archive, images }: Site): Work {
  const run = async () => {
    const ids = await world.cri.load(archive);
    if (ids[0] !== images.loaded.image.id) throw new Error(`loaded ${ids.join(', ')}`);
  };
  return { label: 'load', run, again: run };
}

function container(site: Site, image: KnownImage): Work {
  const { world } = site;
  const name = tagOf(image);
  return {
    label: `run a container of ${name}`,
    run: async () => {
      await world.cri.pull(name);
      await world.start({ imageName: name });
    },
    again: pull(site, name, undefined).again,
  };
}
