import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { images } from '../support/fixtures';
import { rejection } from '../support/matchers';
import { spareDaemon, type SpareDaemon } from '../support/spare-daemon';
import { berthOnly } from '../support/suite';
import { until } from '../support/wait';

berthOnly('a reload', () => {
  let spare: SpareDaemon;
  let file: string;
  beforeAll(async () => {
    spare = await spareDaemon({ network: false });
    file = join(spare.daemon.layout.dir, 'berth.toml');
    await spare.world.cri.pull(images.busybox);
  });
  afterAll(async () => spare[Symbol.asyncDispose]());

  const inForce = async () => {
    const { info } = await spare.world.cri.status(true);
    return JSON.parse(info['config'] ?? '') as { log: { level: string }; image: { pinned_images: readonly string[] } };
  };

  test('is in force at once: handlers, pinned images, level', async () => {
    const { world } = spare;
    const pod = world.podConfig({ host: true });
    expect((await rejection(world.cri.runPod(pod, 'second'))).code).toBe(status.INVALID_ARGUMENT);
    await writeFile(file, `[runtime.handlers.second]\npath = "runc"\n[image]\npinned_images = ["${images.busybox}"]\n`);
    expect((await spare.reload()).changed).toEqual(['runtime.handlers', 'image.pinned_images']);
    world.adopt(await world.cri.runPod(pod, 'second'));
    expect((await world.cri.imageStatus(images.busybox))?.pinned).toBe(true);
    const { runtimeHandlers } = await until('the handler to be told', async () => {
      const answer = await world.cri.status();
      return answer.runtimeHandlers.some(({ name }) => name === 'second') && answer;
    });
    expect(runtimeHandlers.map(({ name }) => name)).toContain('second');
  });

  test.each([
    ['an unknown key', async (conf: string) => writeFile(conf, 'nonsense = 1\n'), /berth\.toml: nonsense/],
    [
      'a key that needs a start',
      async (conf: string) => writeFile(conf, '[log]\nlevel = "debug"\n[image]\npull_concurrency = 3\n'),
      /image\.pull_concurrency is read at the start only/,
    ],
    [
      'a policy that is not there',
      async (conf: string) =>
        writeFile(conf, '[image]\npinned_images = ["x/y"]\nsignature_policy = "/nowhere/p.json"\n'),
      /\/nowhere\/p\.json/,
    ],
    [
      'a registries.conf that is broken',
      async (conf: string) => {
        await writeFile(conf, '[image]\npinned_images = ["x/y"]\n');
        await appendFile(join(conf, '../registries.conf'), '\nnonsense = \n');
      },
      /registries\.conf/,
    ],
  ])('of %s changes nothing, and says what is wrong', async (_, write, message) => {
    const before = await inForce();
    await write(file);
    const told = await spare.reload();
    expect(told.level).toBe(50);
    expect(told.msg).toMatch(message);
    expect(await inForce()).toEqual(before);
    await spare.world.cri.version();
  });
});
