import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ContainerState, PodSandboxState } from '../../src/wire';
import { slow } from '../../test/slow.cjs';
import { seededRandom } from '../support/random';
import { berthOnly, daemonUnderTest, restartable, useWorld } from '../support/suite';

const suite = useWorld();
/** `npm run torture` asks for more; the seed is told, so that a failure can be run again. */
const rounds = Number(process.env['BERTH_TORTURE_ROUNDS'] ?? 6);
const seed = Number(process.env['BERTH_TORTURE_SEED'] ?? 20261122);
/** Beyond the time that a pod takes to start here. */
const longestMs = 400;

berthOnly('kill -9 at any moment of starts, execs, stops and removals', () => {
  test(
    `${rounds} rounds of seed ${seed}: what the next daemon serves is whole, and nothing is left`,
    async () => {
      const { world } = suite;
      const random = seededRandom(seed);
      const daemon = await restartable(world);

      for (let round = 0; round < rounds; round++) {
        const standing = await Promise.all([1, 2, 3].map(async () => world.start({}, await world.runPod())));
        const [stays, stopping, removing] = standing;
        if (!stays || !stopping || !removing) throw new Error('three were started');
        const work = Promise.allSettled([
          ...[1, 2, 3].map(async () => world.start({}, await world.runPod())),
          world.cri.stopPod(stopping.pod.id),
          world.cri.removePod(removing.pod.id),
          world.cri.execSync(stays.id, ['true']),
        ]);
        // The moment itself is what is varied: there is nothing to wait for.
        await delay(random() * longestMs);
        await daemon.kill();
        await work;
        await daemon.launch();

        expect(await world.sh(stays, 'echo round')).toBe('round');
        const pods = await world.cri.listPods();
        for (const { id } of pods) world.adopt(id);
        for (const container of await world.cri.listContainers()) {
          const pod = pods.find(({ id }) => id === container.podSandboxId);
          expect([round, container.id, pod?.id]).toEqual([round, container.id, container.podSandboxId]);
          if (container.state !== ContainerState.CONTAINER_RUNNING) continue;
          expect([round, pod?.state]).toEqual([round, PodSandboxState.SANDBOX_READY]);
          expect(await world.sh(container, 'echo alive')).toBe('alive');
        }
        await world.clear();
      }

      const current = await daemonUnderTest();
      const addresses = current
        ? await readdir(join(current.layout.ipamDir, current.layout.names.network)).catch(() => [])
        : [];
      expect(addresses.filter((name) => /^\d+\.\d+\.\d+\.\d+$/.test(name))).toEqual([]);
    },
    (30_000 + rounds * 15_000) * slow,
  );
});
