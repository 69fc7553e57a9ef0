import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { ContainerState } from '../../src/wire';
import { layerOfTar, tarOf, type Entry } from '../support/archive';
import { checkpointOf, checkpointParts } from '../support/checkpoint-parts';
import { criuTrouble } from '../support/criu';
import { environment } from '../support/environment';
import { images } from '../support/fixtures';
import { run } from '../support/machine';
import { rejection } from '../support/matchers';
import { imageOf } from '../support/oci-image';
import { RegistryContent } from '../support/registry';
import { spareDaemon } from '../support/spare-daemon';
import { berthOnly, useWorld } from '../support/suite';
import { until } from '../support/wait';
import type { Pod, Running, World } from '../support/world';

const suite = useWorld();
const trouble = criuTrouble();
/** What needs a CRIU that works. */
const withCriu = trouble === undefined ? test : test.skip;
const why = trouble === undefined ? '' : ` (CRIU does not work here: ${trouble})`;
beforeAll(async () => {
  await suite.world.cri.pull(images.busybox);
});

const podNamed = (world: World, hostname: string): Promise<Pod> => world.runPod(world.podConfig({ hostname }));

/** Counts in memory, in a file and on stdout, and ends with 7 when it is told to. */
const counts =
  'rm -r /opaque; echo changed > /data/kept; n=0; while [ ! -e /stop ]; do n=$((n+1)); echo $n > /next; mv /next /count; echo $n; sleep 0.1; done; exit 7';
const countOf = async (world: World, container: Running): Promise<number> =>
  Number(await world.sh(container, 'cat /count || echo 0'));

/** Checkpoints a container that counts and removes its pod; how far it had come when it stood still. */
async function checkpointed(world: World, location: string, tty = false): Promise<number> {
  const pod = await podNamed(world, 'old-host');
  const container = await world.start({ command: ['sh', '-c', counts], tty }, pod);
  await until('the first counts', async () => (await countOf(world, container)) > 3);
  await world.cri.checkpoint(container.id, location);
  await world.removePod(pod.id);
  const out = await mkdtemp(join(world.dir, 'checkpoint-'));
  await run('tar', '-xf', location, '-C', out, 'rootfs-diff.tar');
  return Number(await run('tar', '-xOf', join(out, 'rootfs-diff.tar'), 'count'));
}

/** It goes on from there, as a container of the new pod: its log, its name, its cgroup, its end. */
async function expectGoesOn(world: World, container: Running, from: number): Promise<void> {
  const before = await countOf(world, container);
  expect(before).toBeGreaterThanOrEqual(from);
  await until('it to go on', async () => (await countOf(world, container)) > before + 1);
  expect(await world.sh(container, 'cat /data/kept; ls / | grep -c opaque || true')).toBe('changed\n0');
  const hostname = container.pod.config.hostname;
  expect(await world.sh(container, 'hostname')).toBe(hostname);
  expect(await world.sh({ id: (await world.start({}, container.pod)).id }, 'hostname')).toBe(hostname);
  const { info } = await world.cri.containerStatusVerbose(container.id);
  const { pid, cgroupPath } = JSON.parse(info['info'] ?? '') as { readonly pid: number; readonly cgroupPath: string };
  const cgroups = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).trim().split('\n');
  expect(cgroups.filter((line) => line.endsWith(cgroupPath))).not.toEqual([]);
  expect((await world.cri.containerStatus(container.id)).state).toBe(ContainerState.CONTAINER_RUNNING);
}

async function expectEnds(world: World, container: Running, from: number): Promise<void> {
  await world.sh(container, '> /stop');
  expect(await world.exited(container.id)).toMatchObject({ exitCode: 7 });
  const counted = (await world.logOf(container)).map(({ text }) => Number(text.trim()));
  // The first number is the one after the last that the old container had written, or written and not yet told.
  expect(counted[0]).toBeGreaterThanOrEqual(from);
  expect(counted[0]).toBeLessThanOrEqual(from + 1);
  expect(counted).toEqual(counted.map((_, at) => (counted[0] ?? 0) + at));
}

const checkpointImage = async (repository: string, location: string): Promise<string> => {
  const layer = layerOfTar(await readFile(location));
  const annotations = { 'io.kubernetes.cri-o.annotations.checkpoint.name': 'counter' };
  await new RegistryContent(environment().registry).push(repository, '1', imageOf([layer], {}, 'oci', annotations));
  return `registry.e2e.test/${repository}:1`;
};

berthOnly('a container that is restored', () => {
  withCriu(`from an archive, in another pod: memory, files, log and end go on${why}`, async () => {
    const { world } = suite;
    const location = join(world.dir, 'archive.tar');
    const from = await checkpointed(world, location);
    const container = await world.create({ imageName: location, command: [] }, await podNamed(world, 'new-host'));
    expect((await world.cri.containerStatus(container.id)).state).toBe(ContainerState.CONTAINER_CREATED);
    await world.cri.start(container.id);
    await expectGoesOn(world, container, from);
    await expectEnds(world, container, from);

    // The same again, with other hands: stopped before its start, and killed after it.
    const second = await world.create({ imageName: location, command: [] }, await podNamed(world, 'third-host'));
    await world.cri.stop(second.id, 5);
    expect(await world.exited(second.id)).toMatchObject({ exitCode: 137 });
    expect((await rejection(world.cri.start(second.id))).code).toBe(status.FAILED_PRECONDITION);
  });

  withCriu(`with a terminal${why}`, async () => {
    const { world } = suite;
    const location = join(world.dir, 'terminal.tar');
    const from = await checkpointed(world, location, true);
    const pod = await podNamed(world, 'new-host');
    const refused = await rejection(world.create({ imageName: location, command: [] }, pod));
    expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringContaining('tty') as string });
    const container = await world.start({ imageName: location, command: [], tty: true }, pod);
    await expectEnds(world, container, from);
  });

  withCriu(`from an image, where the configuration allows it; a berthd that is killed finds it${why}`, async () => {
    await using spare = await spareDaemon({ config: '[runtime]\nrestore_from = "images"\n' });
    const { world } = spare;
    await world.cri.pull(images.busybox);
    const location = join(world.dir, 'image.tar');
    const from = await checkpointed(world, location);
    const name = await checkpointImage('checkpoints/counter', location);
    await world.cri.pull(name);
    const container = await world.create({ imageName: name, command: [] }, await podNamed(world, 'new-host'));
    await spare.kill();
    await spare.launch();
    await world.cri.start(container.id);
    await spare.kill();
    await spare.launch();
    await expectGoesOn(world, container, from);
    await expectEnds(world, container, from);
  });

  withCriu(`what CRIU cannot restore is told in its words, and leaves nothing${why}`, async () => {
    const { world } = suite;
    const [location, out] = [join(world.dir, 'broken.tar'), join(world.dir, 'broken')];
    await checkpointed(world, location);
    await mkdir(out);
    await run('tar', '-xf', location, '-C', out);
    for (const name of await readdir(join(out, 'checkpoint')))
      if (name.startsWith('core-')) await truncate(join(out, 'checkpoint', name), 0);
    await run('tar', '-cf', location, '-C', out, '.');
    const container = await world.create({ imageName: location, command: [] }, await podNamed(world, 'new-host'));
    const refused = await rejection(world.cri.start(container.id));
    expect(refused).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringMatching(/restore-failed|Error \(criu/) as string,
    });
    expect(await world.exited(container.id)).toMatchObject({
      exitCode: 128,
      reason: 'StartError',
      message: expect.stringContaining('criu') as string,
    });
    await world.cri.remove(container.id);
  });

  withCriu(`a volume comes from the new pod, and has to be there${why}`, async () => {
    const { world } = suite;
    const [old, own, location] = [join(world.dir, 'old'), join(world.dir, 'own'), join(world.dir, 'volume.tar')];
    for (const folder of [old, own]) await mkdir(folder);
    await writeFile(join(own, 'whose'), 'new');
    const mounts = (hostPath: string) => [{ hostPath, containerPath: '/volume' }];
    const pod = await podNamed(world, 'old-host');
    const script = 'cd /tmp; while [ ! -e /volume/whose ]; do sleep 0.1; done; cat /volume/whose; sleep 1000';
    const first = await world.start({ command: ['sh', '-c', script], mounts: mounts(old) }, pod);
    await world.cri.checkpoint(first.id, location);
    await world.removePod(pod.id);
    const other = await podNamed(world, 'new-host');
    const refused = await rejection(world.create({ imageName: location, command: [] }, other));
    expect(refused).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('/volume') as string,
    });
    const container = await world.start({ imageName: location, command: [], mounts: mounts(own) }, other);
    await until('it to have read the new volume', async () => (await readFile(container.log, 'utf8')).includes('new'));
  });
});

berthOnly('what is no checkpoint', () => {
  const inventory = checkpointParts;
  const config = checkpointOf(images.busybox);
  const link: Entry = { name: 'config.dump', type: 'symlink', linkname: '/etc/passwd' };
  const cases: readonly (readonly [string, readonly Entry[], string])[] = [
    ['leads out of it', [...inventory, config, { name: '../../escaped', body: 'x' }], 'leads out'],
    ['has a link for a file', [...inventory, link], 'no regular file'],
    ['has parts that are huge', [...inventory, { ...config, body: ' '.repeat(2 << 20) }], 'at most'],
    ['lacks a part', [config], 'checkpoint: it is missing'],
    [
      'was made from an image that is not here',
      [...inventory, { name: 'config.dump', body: '{"rootfsImageName":"registry.e2e.test/gone:1"}' }],
      'registry.e2e.test/gone:1',
    ],
  ];

  test.each(cases)('an archive that %s is refused and leaves nothing', async (_what, entries, says) => {
    const { world } = suite;
    const location = join(world.dir, 'hostile.tar');
    await writeFile(location, await tarOf(entries));
    const pod = await world.runPod(world.podConfig({ host: true }));
    expect(await rejection(world.create({ imageName: location, command: [] }, pod))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining(says) as string,
    });
    expect(
      await world.cri.listContainers({ id: '', state: undefined, podSandboxId: pod.id, labelSelector: {} }),
    ).toEqual([]);
  });

  test('a file that is no archive, and one that is not there', async () => {
    const { world } = suite;
    const location = join(world.dir, 'text.tar');
    await writeFile(location, 'no archive\n'.repeat(1000));
    const refused = await rejection(world.create({ imageName: location, command: [] }));
    expect(refused).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining(location) as string,
    });
    await rm(location);
    expect((await rejection(world.create({ imageName: location, command: [] }))).code).toBe(status.NOT_FOUND);
  });

  test('an image with a checkpoint is refused by default, with the key that allows it', async () => {
    const { world } = suite;
    const location = join(world.dir, 'layer.tar');
    await writeFile(location, await tarOf([...inventory, config]));
    const name = await checkpointImage('checkpoints/refused', location);
    await world.cri.pull(name);
    expect(await rejection(world.create({ imageName: name, command: [] }))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('runtime.restore_from') as string,
    });
    await world.cri.removeImage(name);
  });
});
