import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ContainerState, PodSandboxState } from '../../src/wire';
import { images } from '../support/fixtures';
import { pageAt } from '../support/http';
import { snapshot } from '../support/leaks';
import { berthOnly, daemonUnderTest, restartable, useWorld } from '../support/suite';
import { until } from '../support/wait';

const suite = useWorld();
const writer = 'i=0; while :; do echo "line $i"; i=$((i+1)); sleep 0.01; done';

berthOnly('kill -9 of the daemon', () => {
  test('a container writes on, every line is in the log, and the next daemon can exec in it', async () => {
    const { world } = suite;
    const pod = await world.runPod();
    const container = await world.start({ command: ['sh', '-c', writer] }, pod);
    await until('some lines', async () => (await world.logOf(container)).length > 20);
    const before = await world.cri.podStatus(pod.id);

    const daemon = await restartable(world);
    await daemon.kill();
    const atDeath = (await world.logOf(container)).length;
    await until('the log to go on without a daemon', async () => (await world.logOf(container)).length > atDeath + 50);
    await daemon.launch();

    expect(await world.cri.containerStatus(container.id)).toMatchObject({ state: ContainerState.CONTAINER_RUNNING });
    expect(await world.cri.podStatus(pod.id)).toEqual(before);
    expect(await world.sh(container, 'echo still here')).toBe('still here');
    await world.cri.stop(container.id, 0);
    expect(await world.cri.containerStatus(container.id)).toMatchObject({ exitCode: 137 });
    const lines = (await world.logOf(container)).map(({ text }) => text);
    expect(lines.length).toBeGreaterThan(atDeath + 50);
    expect(lines).toEqual(Array.from(lines, (_, index) => `line ${index}`));
  });

  test('a container that ends without a daemon keeps its exit code', async () => {
    const { world } = suite;
    const container = await world.start({ command: ['sh', '-c', 'sleep 0.6; echo last words; exit 7'] });
    const daemon = await restartable(world);
    await daemon.kill();
    await until('its monitor to leave', async () => {
      const { processes } = await snapshot(daemon.current);
      return ![...processes.keys()].some((commandLine) => commandLine.includes(container.id));
    });
    await daemon.launch();
    expect(await world.exited(container.id)).toMatchObject({ exitCode: 7, reason: 'Error' });
  });

  test('containers and pods in every state are there again, and retried creates get the same ids', async () => {
    const { world } = suite;
    const pod = await world.runPod();
    const stopped = await world.runPod();
    await world.cri.stopPod(stopped.id);
    const created = await world.create({}, pod);
    const exited = await world.start({ command: ['sh', '-c', 'exit 3'] }, pod);
    await world.exited(exited.id);

    const daemon = await restartable(world);
    await daemon.kill();
    await daemon.launch();

    expect((await world.cri.podStatus(pod.id)).state).toBe(PodSandboxState.SANDBOX_READY);
    expect((await world.cri.podStatus(stopped.id)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
    expect((await world.exited(exited.id)).exitCode).toBe(3);
    expect(await world.cri.runPod(pod.config)).toBe(pod.id);
    expect(await world.cri.create(pod.id, created.config, pod.config)).toBe(created.id);
    await world.cri.start(created.id);
    expect(await world.sh(created, 'echo started')).toBe('started');
  });

  test('images are there again', async () => {
    const { world } = suite;
    await world.cri.pull(images.busybox);
    const before = await world.cri.listImages();
    const daemon = await restartable(world);
    await daemon.kill();
    await daemon.launch();
    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
    expect((await world.cri.listImages()).sort(byId)).toEqual(before.sort(byId));
  });

  test('in the midst of pods that start: what was cut off is taken down or served, and nothing is left', async () => {
    const { world } = suite;
    await world.clear();
    const daemon = await restartable(world);
    for (const afterMs of [5, 40, 120]) {
      const configs = Array.from({ length: 4 }, () => world.podConfig());
      const runs = configs.map(async (config) => world.start({}, await world.runPod(config)).catch(() => undefined));
      const settled = Promise.allSettled(runs);
      await delay(afterMs);
      await daemon.kill();
      await settled;
      await daemon.launch();
      for (const { id } of await world.cri.listPods()) world.adopt(id);
      for (const pod of await world.cri.listPods()) expect(pod.state).toBe(PodSandboxState.SANDBOX_READY);
      await world.clear();
    }
    const current = await daemonUnderTest();
    if (current) {
      const left = await readdir(join(current.layout.ipamDir, current.layout.names.network));
      expect(left.filter((name) => /^10\./.test(name))).toEqual([]);
    }
  });
});

berthOnly('SIGTERM of the daemon', () => {
  test('containers run on, and the network with them', async () => {
    const { world } = suite;
    await world.cri.pull(images.nginx);
    const pod = await world.runPod();
    await world.start({ imageName: images.nginx, command: [] }, pod);
    const ip = (await world.cri.podStatus(pod.id)).network?.ip ?? '';
    await until('nginx', () => pageAt(ip));
    const daemon = await restartable(world);
    await daemon.end();
    expect(await pageAt(ip)).toMatch(/^nginx of /);
    await daemon.launch();
    expect(await pageAt(ip)).toMatch(/^nginx of /);
    await world.removePod(pod.id);
    expect(await pageAt(ip)).toBeUndefined();
  });
});
