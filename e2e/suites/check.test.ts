import { execFile } from 'node:child_process';
import { readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ContainerState } from '../../src/wire';
import { environment } from '../support/environment';
import { HostileRegistry } from '../support/hostile-registry';
import { freePort } from '../support/machine';
import { type SpareDaemon, spareDaemon } from '../support/spare-daemon';
import { berthOnly } from '../support/suite';
import type { Running } from '../support/world';

berthOnly('berth check', () => {
  let spare: SpareDaemon;
  let registry: HostileRegistry;
  let port: number;
  let name: string;
  let running: Running;

  beforeAll(async () => {
    port = await freePort();
    name = `127.0.0.1:${port}/library/busybox:e2e`;
    registry = await openRegistry();
    spare = await spareDaemon({
      network: false,
      registries: `[[registry]]\nlocation = "127.0.0.1:${port}"\ninsecure = true\n`,
    });
    await spare.world.cri.pull(name);
    running = await spare.world.start({ imageName: name });
  });
  afterAll(async () => {
    await spare[Symbol.asyncDispose]();
    await registry.stop();
  });

  const openRegistry = () => HostileRegistry.start(port, environment().registry, () => false);

  /** Runs the command line as people do; its status and all that it printed. */
  function berth(...args: string[]): Promise<{ readonly status: unknown; readonly text: string }> {
    const { socket } = spare.daemon.layout;
    const command = [resolve('dist/berth.js'), ...args, '--socket', socket];
    return new Promise((done) => {
      execFile(process.execPath, command, (error, stdout, stderr) =>
        done({ status: error ? error.code : 0, text: stdout + stderr }),
      );
    });
  }

  /** The layer that has data/kept, and the folders of all. */
  async function keptLayer(): Promise<{ readonly dir: string; readonly file: string }> {
    const layers = join(spare.daemon.layout.root, 'layers');
    for (const layer of await readdir(layers)) {
      const file = join(layers, layer, 'data/kept');
      if (await readFile(file).catch(() => undefined)) return { dir: join(layers, layer), file };
    }
    throw new Error('no layer has data/kept');
  }

  /** Empties the blobs that are not documents: what they hold cannot be read as JSON. */
  async function emptyLayerBlobs(): Promise<void> {
    const blobs = join(spare.daemon.layout.root, 'blobs/sha256');
    for (const blob of await readdir(blobs)) {
      const bytes = await readFile(join(blobs, blob));
      if (bytes[0] !== '{'.charCodeAt(0)) await truncate(join(blobs, blob));
    }
  }

  const read = async () => (await spare.world.runToEnd('cat /data/kept', { imageName: name })).lines[0]?.text;

  test('what is whole is whole', async () => {
    for (const args of [['check'], ['check', '--quick'], ['check', '--repair']]) {
      expect(await berth(...args)).toEqual({ status: 0, text: '1 images, 4 layers checked: all whole\n' });
    }
  });

  test('damage under a running container is found, and repaired from the blob; the container runs on', async () => {
    await truncate((await keptLayer()).file);
    const found = await berth('check');
    expect(found).toMatchObject({ status: 1 });
    expect(found.text).toMatch(/layer-damaged sha256:\w+: 1 path differs: data\/kept size is 0 instead of 5\n/);
    expect(found.text).toContain(`images: ${name}\n`);
    expect(found.text).toContain(`containers: ${running.id.slice(0, 13)}\n`);
    expect(found.text).toContain('`berth check --repair` brings it back');

    const repaired = await berth('check', '--repair');
    expect(repaired).toMatchObject({ status: 0 });
    expect(repaired.text).toContain('repaired; containers that run have the old files until they are made anew');
    expect(await read()).toBe('kept');
    expect(await spare.world.sh(running, 'cat /data/kept; ls /data; echo written > /data/new; cat /data/new')).toBe(
      'kept\nsoft\nwritten',
    );

    // The container that runs may need what was set aside.
    expect((await berth('check', '--discard')).text).toContain(`in use by containers: ${running.id.slice(0, 13)}`);
    await spare.world.cri.stop(running.id, 0);
    await spare.world.cri.remove(running.id);
    expect((await berth('check', '--discard')).text).toMatch(/^set aside \S+ \S+: deleted\n/);
    running = await spare.world.start({ imageName: name });
    expect((await berth('check')).status).toBe(0);
  });

  test('with the blobs damaged too, it is pulled again; without the registry it says what to do', async () => {
    await truncate((await keptLayer()).file);
    await emptyLayerBlobs();
    await registry.stop();
    const failed = await berth('check', '--repair');
    expect(failed).toMatchObject({ status: 1 });
    expect(failed.text).toContain(`not repaired: pull: 127.0.0.1:${port}/library/busybox@sha256:`);
    expect(failed.text).toContain(`\`berth rmi ${name}\` and \`berth pull ${name}\``);
    const quick = JSON.parse((await berth('check', '--quick', '--json')).text) as { problems: { kind: string }[] };
    expect(quick.problems.map(({ kind }) => kind)).toEqual(Array(4).fill('blob-damaged'));

    registry = await openRegistry();
    expect(await berth('check', '--repair')).toMatchObject({ status: 0 });
    expect(await berth('check')).toMatchObject({ status: 0 });
    expect(await read()).toBe('kept');
  });

  test('a layer that is lost while the daemon is away: the image is not there, and a pull brings it back', async () => {
    const { cri } = spare.world;
    expect(await cri.imageStatus(name)).toBeDefined();
    await spare.kill();
    await rm((await keptLayer()).dir, { recursive: true });
    await spare.launch();
    expect(await spare.world.cri.imageStatus(name)).toBeUndefined();
    expect(await spare.world.cri.listImages()).toEqual([]);
    expect(await spare.world.cri.containerStatus(running.id)).toMatchObject({
      state: ContainerState.CONTAINER_RUNNING,
    });
    expect((await berth('check')).text).toContain(`image-incomplete ${name}: layers of it are missing`);
    await spare.world.cri.pull(name);
    expect(await spare.world.cri.imageStatus(name)).toBeDefined();
    expect(await read()).toBe('kept');
    expect((await berth('check')).status).toBe(0);
  });

  test('without a daemon: under the lock, and what runs is left alone', async () => {
    const { root, runRoot, dir } = spare.daemon.layout;
    const place = ['--config', join(dir, 'berth.toml'), '--root', root, '--run-root', runRoot];
    await truncate((await keptLayer()).file);
    await spare.kill();
    expect(await berth('check', ...place)).toMatchObject({ status: 1 });
    expect(await berth('check', '--repair', ...place)).toMatchObject({ status: 0 });
    await spare.launch();
    expect(await spare.world.sh(running, 'echo runs')).toBe('runs');
    expect(await read()).toBe('kept');
    expect((await berth('check')).status).toBe(0);
  });
});
