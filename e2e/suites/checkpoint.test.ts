import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ContainerState } from '../../src/wire';
import { criuTrouble } from '../support/criu';
import { images } from '../support/fixtures';
import { run } from '../support/machine';
import { berthOnly, useWorld } from '../support/suite';
import { until } from '../support/wait';
import type { Running } from '../support/world';

const suite = useWorld();
const trouble = criuTrouble();
/** What needs a CRIU that works, and what shows how it is when it does not. */
const withCriu = trouble === undefined ? test : test.skip;
const withoutCriu = trouble === undefined ? test.skip : test;
const why = trouble === undefined ? '' : ` (CRIU does not work here: ${trouble})`;
beforeAll(async () => {
  await suite.world.cri.pull(images.busybox);
});

/** A container that counts into a file, and has changed its root. */
async function counting(): Promise<Running> {
  const { world } = suite;
  const pod = await world.runPod();
  const script =
    'echo changed > /data/kept; rm -r /opaque; n=0; while :; do n=$((n+1)); echo $n > /count; sleep 0.1; done';
  const container = await world.start({ command: ['sh', '-c', script] }, pod);
  await until('the first counts', async () => Number(await world.sh(container, 'cat /count || echo 0')) > 2);
  return container;
}

const goesOn = async (container: Running): Promise<void> => {
  const { world } = suite;
  const count = async () => Number(await world.sh(container, 'cat /count'));
  const before = await count();
  await until('the container to go on', async () => (await count()) > before + 1);
  expect((await world.cri.containerStatus(container.id)).state).toBe(ContainerState.CONTAINER_RUNNING);
};

berthOnly('CheckpointContainer', () => {
  withCriu(`an archive in the form of CRI-O and Podman; the container goes on${why}`, async () => {
    const { world } = suite;
    const container = await counting();
    const location = join(world.dir, 'checkpoint.tar');
    await world.cri.checkpoint(container.id, location);
    await goesOn(container);

    expect((await stat(location)).mode & 0o777).toBe(0o600);
    expect((await readdir(world.dir)).filter((name) => name.endsWith('.part'))).toEqual([]);
    const out = join(world.dir, 'out');
    await mkdir(out);
    await run('tar', '-xf', location, '-C', out);
    expect(await readdir(out)).toEqual(
      expect.arrayContaining([
        'checkpoint',
        'config.dump',
        'deleted.files',
        'dump.log',
        'rootfs-diff.tar',
        'spec.dump',
        'stats-dump',
      ]),
    );
    expect(await readdir(join(out, 'checkpoint'))).toEqual(
      expect.arrayContaining(['inventory.img', 'pstree.img', 'descriptors.json']),
    );
    const config = JSON.parse(await readFile(join(out, 'config.dump'), 'utf8')) as Record<string, unknown>;
    expect(config).toMatchObject({ id: container.id, name: container.config.metadata?.name, runtime: 'runc' });
    const spec = JSON.parse(await readFile(join(out, 'spec.dump'), 'utf8')) as { readonly process: object };
    expect(spec.process).toMatchObject({ args: container.config.command });
    const deleted = JSON.parse(await readFile(join(out, 'deleted.files'), 'utf8')) as string[];
    expect(deleted).toContain('opaque');
    const diff = join(out, 'rootfs-diff.tar');
    expect(await run('tar', '-xOf', diff, 'data/kept')).toBe('changed\n');
    expect(Number(await run('tar', '-xOf', diff, 'count'))).toBeGreaterThan(2);
  });

  withCriu(`a file at the location is replaced, again and again${why}`, async () => {
    const { world } = suite;
    const container = await counting();
    const location = join(world.dir, 'again.tar');
    await writeFile(location, 'old');
    await world.cri.checkpoint(container.id, location);
    await world.cri.checkpoint(container.id, location, 60);
    expect((await stat(location)).size).toBeGreaterThan(10_000);
    await goesOn(container);
  });

  withCriu(`a location that cannot be written is told, and the container goes on${why}`, async () => {
    const container = await counting();
    const nowhere = join(suite.world.dir, 'no', 'such', 'folder.tar');
    await expect(suite.world.cri.checkpoint(container.id, nowhere)).rejects.toMatchObject({
      code: 3,
      details: expect.stringContaining(nowhere) as string,
    });
    await goesOn(container);
  });

  withoutCriu('where CRIU does not work, that is told and the container goes on', async () => {
    const container = await counting();
    const location = join(suite.world.dir, 'none.tar');
    await expect(suite.world.cri.checkpoint(container.id, location)).rejects.toMatchObject({
      code: 9,
      details: expect.stringMatching(/criu/i) as string,
    });
    await expect(stat(location)).rejects.toMatchObject({ code: 'ENOENT' });
    await goesOn(container);
  });

  test('a container that does not run, one that is unknown, a bad location', async () => {
    const { world } = suite;
    const location = join(world.dir, 'x.tar');
    const created = await world.create();
    await expect(world.cri.checkpoint(created.id, location)).rejects.toMatchObject({ code: 9 });
    await expect(world.cri.checkpoint('0123456789abcdef', location)).rejects.toMatchObject({ code: 5 });
    await expect(world.cri.checkpoint(created.id, 'relative.tar')).rejects.toMatchObject({
      code: 3,
      details: expect.stringContaining('location') as string,
    });
  });
});
