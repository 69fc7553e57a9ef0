import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { images } from '../support/fixtures';
import { rejection } from '../support/matchers';
import { spareDaemon, type SpareDaemon } from '../support/spare-daemon';
import { berthOnly } from '../support/suite';
import { until } from '../support/wait';

berthOnly('what others put on the node', () => {
  let spare: SpareDaemon;
  let hooks: string;
  let cdi: string;
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'berth-e2e-hooks-'));
    [hooks, cdi] = [join(dir, 'hooks.d'), join(dir, 'cdi')];
    await Promise.all([mkdir(hooks), mkdir(cdi)]);
    spare = await spareDaemon({
      network: false,
      config: `[runtime]\nhooks_dirs = ["${hooks}"]\ncdi_spec_dirs = ["${cdi}"]\n`,
    });
    await spare.world.cri.pull(images.busybox);
  });
  afterAll(async () => {
    await spare[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  const hook = (name: string, path: string, over: object) =>
    writeFile(join(hooks, name), JSON.stringify({ version: '1.0.0', hook: { path }, ...over }));

  test('a hook runs for the containers that it is for, at its stages, with their state', async () => {
    const { world } = spare;
    const script = join(dir, 'hook.sh');
    await writeFile(script, `#!/bin/sh\n/usr/bin/env cat >> ${dir}/said\necho >> ${dir}/said\n`);
    await chmod(script, 0o755);
    const when = { annotations: { '^example\\.org/hook$': '^on$' } };
    await hook('10-say.json', script, { when, stages: ['createRuntime', 'poststop'] });
    await world.runToEnd('true');
    const { container } = await world.runToEnd('true', { annotations: { 'example.org/hook': 'on' } });
    await world.cri.remove(container.id);
    const said = await until('both stages to have been told', async () => {
      const lines = (await readFile(join(dir, 'said'), 'utf8')).split('\n').filter(Boolean);
      return lines.length === 2 && lines.map((line) => JSON.parse(line) as { id: string; status: string });
    });
    expect(said.map(({ id }) => id)).toEqual([container.id, container.id]);
    expect(said[1]?.status).toBe('stopped');
  });

  test('a hook that fails fails the container, with what it said; a file that is broken is named', async () => {
    const { world } = spare;
    const script = join(dir, 'refuse.sh');
    await writeFile(script, '#!/bin/sh\necho not today >&2\nexit 3\n');
    await chmod(script, 0o755);
    await hook('20-refuse.json', script, { when: { commands: ['^/bin/refused$'] }, stages: ['createRuntime'] });
    const refused = await rejection(world.create({ command: ['/bin/refused'] }));
    expect(refused.details).toContain('not today');
    await writeFile(join(hooks, '30-broken.json'), '{"version":"1.0.0"}');
    const broken = await rejection(world.create());
    expect(broken).toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(broken.details).toContain('30-broken.json');
    await rm(join(hooks, '30-broken.json'));
    await world.start();
  });

  test('a CDI device brings its nodes, files, variables and groups, by field or annotation', async () => {
    const { world } = spare;
    await writeFile(join(dir, 'lib'), 'a library');
    const containerEdits = {
      env: ['DEVICE=zero'],
      deviceNodes: [{ path: '/dev/mine', hostPath: '/dev/zero', permissions: 'r' }],
      mounts: [{ hostPath: join(dir, 'lib'), containerPath: '/lib/mine', options: ['ro', 'bind'] }],
      additionalGids: [4242],
    };
    await writeFile(
      join(cdi, 'vendor.json'),
      JSON.stringify({ cdiVersion: '0.6.0', kind: 'example.com/dev', devices: [{ name: 'zero', containerEdits }] }),
    );
    const script = 'head -c 3 /dev/mine | wc -c; cat /lib/mine; echo; echo $DEVICE; id -G';
    const expected = ['3', 'a library', 'zero', expect.stringMatching(/\b4242\b/) as string];
    const asked = [
      { CDIDevices: [{ name: 'example.com/dev=zero' }] },
      { annotations: { 'cdi.k8s.io/x': 'example.com/dev=zero' } },
    ];
    for (const over of asked) {
      const { lines } = await world.runToEnd(script, over);
      const text = lines.filter(({ stream }) => stream === 'stdout').map((line) => line.text);
      expect(text).toEqual(expected);
    }
    const missing = await rejection(world.create({ CDIDevices: [{ name: 'example.com/dev=one' }] }));
    expect(missing).toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(missing.details).toContain('example.com/dev=one');
  });
});
