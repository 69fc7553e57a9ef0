import fs from 'node:fs';
import path from 'node:path';
import type { Kernel } from '../../src/kernel';
import { openKernel, openStorage, sourcesOf, type Opened } from './support/open';
import { tempDir } from './support/files';
import { dir, file, tar } from './support/tar';

let kernel: Kernel;
let closeKernel: () => Promise<void>;
let temp: ReturnType<typeof tempDir>;
const opened: Opened[] = [];
beforeAll(async () => ({ kernel, close: closeKernel } = await openKernel()));
beforeEach(() => void (temp = tempDir()));
afterEach(async () => {
  for (const one of opened.splice(0)) {
    await one.storage.removeRootfs('c1');
    one.remove();
  }
  temp.remove();
});
afterAll(() => closeKernel());

const never = new AbortController().signal;
const at = (...parts: string[]) => path.join(temp.path, ...parts);
const archives = [tar([dir('etc'), file('etc/a', 'a')]), tar([file('b', 'b')])];
const sources = sourcesOf(archives.map((archive) => ({ blob: archive, tar: archive })));
const chainIds = sources.map((source) => source.chainId);

async function open(options: Parameters<typeof openStorage>[1]): Promise<Opened> {
  const one = await openStorage(kernel, options);
  opened.push(one);
  return one;
}

/** What opening answers: the error's message, or nothing. */
async function refusal(options: Parameters<typeof openStorage>[1]): Promise<string> {
  try {
    await open(options);
    return '';
  } catch (error) {
    expect(error).toMatchObject({ code: 'config-invalid' });
    return String(error);
  }
}

test('blobs, layers and staging are under the image root, containers under the root; roots are mounted across', async () => {
  const { storage, root } = await open({ root: at('root'), imageRoot: at('images') });
  await storage.addLayers(sources, never);
  await storage.mountRootfs({ containerId: 'c1', chainIds });
  expect(fs.readFileSync(path.join(storage.rootfsPath('c1'), 'etc/a'), 'utf8')).toBe('a');
  fs.writeFileSync(path.join(storage.rootfsPath('c1'), 'written'), 'x');
  expect(fs.readdirSync(path.join(root, 'containers/c1')).sort()).toEqual(['upper', 'work']);
  expect(fs.readdirSync(root).sort()).toEqual(['containers', 'image-root']);
  expect(fs.readdirSync(at('images')).sort()).toEqual(['berth-owner', 'blobs', 'empty', 'layers', 'staging']);
  expect(fs.readFileSync(at('images/berth-owner'), 'utf8')).toBe(`${at('root')}\n`);
  expect([storage.root, storage.imageRoot]).toEqual([at('root'), at('images')]);
});

test('the same folders open again; another root may not have that image root, nor one inside it', async () => {
  await open({ root: at('root'), imageRoot: at('images') });
  await open({ root: at('root'), imageRoot: at('images') });
  fs.symlinkSync(at('images'), at('link'));
  for (const imageRoot of [at('images'), at('images/below/it'), at('link')]) {
    const message = await refusal({ root: at('other'), imageRoot });
    expect(message).toContain(`${at('images')} holds the images of the berth whose root is ${at('root')}`);
    expect(message).toContain(`remove ${at('images/berth-owner')}`);
  }
  // Nor may it become a root.
  expect(await refusal({ root: at('images') })).toContain('holds the images of the berth');
  fs.rmSync(at('images/berth-owner'));
  await open({ root: at('other'), imageRoot: at('images') });
});

test('of two that claim a folder at once one gets it', async () => {
  const claims = [at('one'), at('two')].map((root) => refusal({ root, imageRoot: at('images') }));
  const messages = await Promise.all(claims);
  expect(messages.filter((message) => message === '')).toHaveLength(1);
  expect(fs.readdirSync(at('images')).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('an image root inside another berth’s root is refused, and one among the folders of its own', async () => {
  await open({ root: at('other') });
  fs.mkdirSync(at('other/meta'), { recursive: true });
  fs.writeFileSync(at('other/meta/data.mdb'), '');
  expect(await refusal({ root: at('root'), imageRoot: at('other/images') })).toContain(
    `${at('other')} is the root of another berth`,
  );
  for (const folder of ['containers', 'layers/x', 'staging', 'meta'])
    expect(await refusal({ root: at('root'), imageRoot: at('root', folder) })).toContain("lie in each other's folder");
  expect(await refusal({ root: at('images/blobs/root'), imageRoot: at('images') })).toContain("each other's folder");
  await open({ root: at('root'), imageRoot: at('root/images') });
});

describe('a key that was changed while images are there', () => {
  let before: Opened;
  beforeEach(async () => {
    before = await open({ root: at('root') });
    await before.storage.addLayers(sources, never);
  });
  const moved = () => ({ root: at('root'), imageRoot: at('images'), layers: before.table });

  test('is refused with what to do, and forgets nothing', async () => {
    const message = await refusal(moved());
    expect(message).toContain(`2 of 2 layers that images need are not in it; before, it was ${at('root')}`);
    expect(message).toContain(`move blobs and layers of ${at('root')} there, or set the key back`);
    expect([...before.table.values()]).toHaveLength(2);
    const back = await open({ root: at('root'), layers: before.table });
    await back.storage.cleanStaging();
    expect(back.leftovers()).toHaveLength(4);
  });

  test('is accepted once the folders were moved, and back', async () => {
    fs.mkdirSync(at('images'));
    for (const name of ['blobs', 'layers']) fs.renameSync(at('root', name), at('images', name));
    const there = await open(moved());
    await there.storage.cleanStaging();
    expect(there.leftovers()).toHaveLength(4);
    expect(there.storage.imageUsage()).toEqual(before.storage.imageUsage());

    expect(await refusal({ root: at('root'), layers: before.table })).toContain(`before, it was ${at('images')}`);
    for (const name of ['blobs', 'layers']) {
      fs.rmSync(at('root', name), { recursive: true, force: true });
      fs.renameSync(at('images', name), at('root', name));
    }
    const back = await open({ root: at('root'), layers: before.table });
    await back.storage.mountRootfs({ containerId: 'c1', chainIds });
  });

  test('is accepted for good where the message’s commands were given', async () => {
    const message = await refusal(moved());
    const commands = [...message.matchAll(/echo (\S+) > ([^;)\s]+)/g)];
    expect(commands).toHaveLength(2);
    for (const [, text = '', target = ''] of commands) fs.writeFileSync(target, `${text}\n`);
    const anew = await open(moved());
    await anew.storage.cleanStaging();
    expect([...before.table.values()]).toEqual([]);
  });

  test('an image root whose disk is not mounted is not taken for an empty one', async () => {
    const there = await open({ root: at('second'), imageRoot: at('disk') });
    await there.storage.addLayers(sources, never);
    fs.renameSync(at('disk'), at('unmounted'));
    const again = { root: at('second'), imageRoot: at('disk'), layers: there.table };
    expect(await refusal(again)).toContain('does not bear the mark of this berth: is its disk mounted?');
    fs.rmSync(at('disk'), { recursive: true });
    fs.renameSync(at('unmounted'), at('disk'));
    await open(again);
  });
});
