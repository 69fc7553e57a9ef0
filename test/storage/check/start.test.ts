import fs from 'node:fs';
import promises from 'node:fs/promises';
import path from 'node:path';
import type { Kernel } from '../../../src/kernel';
import type { StorageOptions } from '../../../src/storage';
import { openKernel, openStorage, type Opened } from '../support/open';
import { base, findings, layer, never, places, sourcesOf } from './fixture';
import { file } from '../support/tar';

let kernel: Kernel;
let closeKernel: () => Promise<void>;
const opened: Opened[] = [];
beforeAll(async () => ({ kernel, close: closeKernel } = await openKernel()));
afterEach(() => {
  jest.restoreAllMocks();
  opened.splice(0).forEach((one) => one.remove());
});
afterAll(() => closeKernel());

async function open(...options: Parameters<typeof openStorage> extends [unknown, ...infer Rest] ? Rest : never) {
  const one = await openStorage(kernel, ...options);
  opened.push(one);
  return one;
}

const layers = [base, layer(file('etc/more', 'more'))];
const names = async (one: Opened) => (await one.storage.check.aside()).map(({ name }) => name);

test('files and mounts where folders are expected do not keep the storage from being opened', async () => {
  const before = await open();
  const sources = sourcesOf(layers);
  await before.storage.addLayers(sources, never);
  const staging = path.join(before.root, 'staging');
  fs.writeFileSync(path.join(staging, 'file'), '');
  fs.symlinkSync('/etc', path.join(staging, 'link'));
  fs.mkdirSync(path.join(staging, 'mounted/diff'), { recursive: true });
  await kernel.mountTmpfs({
    target: path.join(staging, 'mounted/diff'),
    sizeBytes: 4096,
    mode: 0o700,
    nosuid: true,
    nodev: true,
    noexec: true,
  });
  fs.mkdirSync(path.join(before.root, 'blobs/sha256/folder'));
  const { dir } = places(before, sources[1]);
  fs.rmSync(dir, { recursive: true });
  fs.writeFileSync(dir, 'no folder');

  const after = await open({ root: before.root, layers: before.table });
  await after.storage.cleanStaging();
  expect(fs.readdirSync(staging)).toEqual([]);
  expect(fs.existsSync('/etc/hostname')).toBe(true);
  expect((await names(after)).sort()).toEqual([path.basename(dir), 'mounted'].sort());
  expect([...after.table.values()].map(({ chainId }) => chainId)).toEqual([sources[0]?.chainId]);
  await after.storage.collect([{ layers: [], chainIds: sources.map(({ chainId }) => chainId), blobs: [] }]);
  await after.storage.addLayers(sources, never);
  expect(await findings(after, sources)).toEqual({});
  for (const aside of await after.storage.check.aside()) {
    await kernel.unmount(path.join(aside.path, 'diff'));
    await after.storage.check.discard(aside);
  }
  expect(await names(after)).toEqual([]);
});

test.each(['staging', 'layers', 'blobs', 'containers'])('a file in the place of %s is set aside', async (name) => {
  const before = await open();
  fs.rmSync(path.join(before.root, name), { recursive: true });
  fs.writeFileSync(path.join(before.root, name), 'what is this');
  const after = await open({ root: before.root, layers: before.table });
  await after.storage.cleanStaging();
  expect(await names(after)).toEqual([name]);
  const sources = sourcesOf(layers);
  await after.storage.addLayers(sources, never);
  expect(await findings(after, sources)).toEqual({});
});

describe('a repair that is killed', () => {
  /** Lets so many calls pass; the next one never comes back, as if the process had ended in it. */
  function killAt(passes: number): {
    readonly reached: Promise<void>;
    readonly call: <T>(step: () => T) => T | Promise<never>;
  } {
    let left = passes;
    let reach: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (reach = resolve));
    const call = <T>(step: () => T) => {
      if (left-- > 0) return step();
      reach();
      return new Promise<never>(() => undefined);
    };
    return { reached, call };
  }

  type Cut = (passes: number) => { readonly reached: Promise<void>; readonly over?: Partial<Kernel> };
  const atRename: Cut = (passes) => {
    const { reached, call } = killAt(passes);
    const rename = promises.rename.bind(promises);
    jest.spyOn(promises, 'rename').mockImplementation((from, to) => call(() => rename(from, to)));
    return { reached };
  };
  const atSync: Cut = (passes) => {
    const { reached, call } = killAt(passes);
    return { reached, over: { syncFs: (dir) => call(() => kernel.syncFs(dir)) } };
  };
  const damaged = ['layer-damaged: 1 path differs: etc/passwd size is 0 instead of 11'];
  const cases: [string, Cut, number, 'damaged' | 'missing' | 'whole'][] = [
    ['before it syncs', atSync, 0, 'damaged'],
    ['before the damaged layer is set aside', atRename, 0, 'damaged'],
    ['between the two renames', atRename, 1, 'missing'],
    ['before the blob has its name', atRename, 2, 'whole'],
  ];

  test.each(cases)(
    '%s: the next start finds it damaged, missing or whole, and repairs it',
    async (_what, cut, passes, left) => {
      const before = await open();
      const sources = sourcesOf(layers);
      await before.storage.addLayers(sources, never);
      const { dir } = places(before, sources[0]);
      const { mtimeMs } = fs.statSync(path.join(dir, 'etc/passwd'));
      fs.truncateSync(path.join(dir, 'etc/passwd'));
      fs.utimesSync(path.join(dir, 'etc/passwd'), 1, mtimeMs / 1000);
      const bad = new Set([sources[0]?.chainId ?? '']);

      const { reached, over } = cut(passes);
      const doomed = await openStorage({ ...copyOf(kernel), ...over }, { root: before.root, layers: before.table });
      opened.push(doomed);
      void doomed.storage.check.mend(sources, bad, never);
      await reached;
      jest.restoreAllMocks();

      const after = await open({ root: before.root, layers: before.table });
      await after.storage.cleanStaging();
      expect(after.storage.hasLayers([...bad])).toBe(left !== 'missing');
      expect(fs.existsSync(dir)).toBe(left !== 'missing');
      expect(await findings(after, sources)).toEqual(left === 'damaged' ? { 0: damaged } : {});
      const offline = sources.map((source) => ({ ...source, open: () => Promise.reject(new Error('no registry')) }));
      await after.storage.check.mend(offline, bad, never);
      expect(await findings(after, sources)).toEqual({});
      expect(await names(after)).toEqual([path.basename(dir)]);
      expect(fs.readdirSync(path.join(after.root, 'staging'))).toEqual([]);
    },
  );

  /** What storage asks of the kernel, as an object of which one method can be replaced. */
  function copyOf(real: Kernel): StorageOptions['kernel'] {
    return {
      run: (request, signal) => real.run(request, signal),
      runStreamed: (request, signal) => real.runStreamed(request, signal),
      mountOverlay: (mount) => real.mountOverlay(mount),
      bindInRoot: (mount) => real.bindInRoot(mount),
      unmount: (target) => real.unmount(target),
      removeTree: (name) => real.removeTree(name),
      syncFs: (name) => real.syncFs(name),
    };
  }
});
