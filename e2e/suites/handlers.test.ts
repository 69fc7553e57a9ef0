import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { MountPropagation } from '../../src/wire';
import { images } from '../support/fixtures';
import { run } from '../support/machine';
import { rejection } from '../support/matchers';
import { spareDaemon } from '../support/spare-daemon';
import { berthOnly, useWorld } from '../support/suite';
import type { World } from '../support/world';

const suite = useWorld();

/** A runtime in front of runc that writes down its command lines, and the annotations of what it creates. */
async function wrapper(
  dir: string,
): Promise<{ path: string; calls(): Promise<string[]>; annotations(): Promise<object> }> {
  const [path, calls, spec] = [join(dir, 'wrapper'), join(dir, 'calls'), join(dir, 'spec')];
  const keep = `case "$*" in *" create "*) for a; do [ "$p" = --bundle ] && cp "$a/config.json" ${spec}; p=$a; done;; esac`;
  await writeFile(path, `#!/bin/sh\necho "$*" >> ${calls}\n${keep}\nexec runc "$@"\n`);
  await chmod(path, 0o755);
  return {
    path,
    calls: async () => (await readFile(calls, 'utf8')).trim().split('\n'),
    annotations: async () => (JSON.parse(await readFile(spec, 'utf8')) as { annotations: object }).annotations,
  };
}

async function podOf(world: World, handler: string, annotations = {}) {
  const config = world.podConfig({ annotations });
  await mkdir(config.logDirectory, { recursive: true });
  const id = await world.cri.runPod(config, handler);
  world.adopt(id);
  return { id, config };
}

berthOnly('handlers of the configuration', () => {
  test('a handler’s options, root and annotations reach its runtime, and outlive a change of the configuration', async () => {
    const { dir } = suite.world;
    const own = await wrapper(dir);
    const config = `[runtime.handlers.own]\npath = "${own.path}"\nroot = "${dir}/own-root"\noptions = ["--debug"]
allowed_annotations = ["run.example.org/*", "exact"]\n`;
    await using spare = await spareDaemon({ config });
    const { world } = spare;
    await world.cri.pull(images.busybox);
    const asked = { 'run.example.org/a': '1', exact: '2', exactly: '3', other: '4' };
    const pod = await podOf(world, 'own', asked);
    const container = await world.start({ annotations: { 'run.example.org/b': '5' } }, pod);
    const annotations = await own.annotations();
    expect(annotations).toMatchObject({ 'run.example.org/a': '1', exact: '2', 'run.example.org/b': '5' });
    expect(Object.keys(annotations)).not.toEqual(expect.arrayContaining(['exactly']));
    expect(Object.keys(annotations)).not.toEqual(expect.arrayContaining(['other']));

    await spare.kill();
    await writeFile(join(spare.daemon.layout.dir, 'berth.toml'), '');
    await spare.launch();
    await world.cri.execSync(container.id, ['true']);
    await world.cri.updateResources(container.id, { cpuShares: 100n });
    await world.cri.stop(container.id, 0);
    await world.cri.remove(container.id);
    const calls = await own.calls();
    const of = (command: string) => calls.filter((line) => line.includes(` ${command} `));
    for (const command of ['create', 'start', 'exec', 'update', 'delete']) {
      expect(of(command).length).toBeGreaterThan(0);
      for (const line of of(command)) expect(line).toMatch(new RegExp(`--root ${dir}/own-root .*--debug `));
    }
    const refused = await rejection(podOf(world, 'own'));
    expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(refused.details).toContain('runc, crun');
  });

  test('Status tells the handlers that are there, and what they can do', async () => {
    const gone = '[runtime.handlers.gone]\npath = "/nowhere/runtime"\n';
    await using spare = await spareDaemon({ network: false, config: gone });
    const { runtimeHandlers } = await spare.world.cri.status();
    const names = runtimeHandlers.map(({ name }) => name);
    expect(names.slice(0, 2)).toEqual(['', 'runc']);
    expect(names).not.toContain('gone');
    const said = JSON.parse(await run('runc', 'features')) as { mountOptions: readonly string[] };
    expect(runtimeHandlers[0]?.features?.recursiveReadOnlyMounts).toBe(said.mountOptions.includes('rro'));
  });
});

test('a recursively read-only mount is so down to what is mounted below it', async () => {
  const { world } = suite;
  const { runtimeHandlers } = await world.cri.status();
  if (!runtimeHandlers.find(({ name }) => name === '')?.features?.recursiveReadOnlyMounts) return;
  const volume = join(world.dir, 'volume');
  await mkdir(join(volume, 'below'), { recursive: true });
  await run('mount', '-t', 'tmpfs', 'tmpfs', join(volume, 'below'));
  try {
    const mount = { hostPath: volume, containerPath: '/v', propagation: MountPropagation.PROPAGATION_PRIVATE };
    const script = 'for p in /plain /plain/below /v /v/below; do touch $p/x 2>/dev/null && echo $p; done; true';
    const { lines } = await world.runToEnd(script, {
      mounts: [
        { ...mount, readonly: true, recursiveReadOnly: true },
        { ...mount, containerPath: '/plain', readonly: true },
      ],
    });
    expect(lines.map(({ text }) => text)).toEqual(['/plain/below']);
  } finally {
    await run('umount', join(volume, 'below'));
  }
});
