import { status, type ServiceError } from '@grpc/grpc-js';
import { mkdir } from 'node:fs/promises';
import { ContainerState } from '../../src/wire';
import { slow } from '../../test/slow.cjs';
import { cgroupBelow } from '../support/cgroup-figures';
import { daemonUnderTest, berthOnly, expectNoLeaks, useWorld } from '../support/suite';
import { snapshot } from '../support/leaks';

const suite = useWorld();

/** Asks again and again, giving up each time after a while, as a kubelet under load does; gives every error on the way. */
async function insist<T>(
  ask: (control: { deadlineMs: number }) => Promise<T>,
): Promise<{ answer: T; errors: ServiceError[] }> {
  const errors: ServiceError[] = [];
  for (;;) {
    try {
      return { answer: await ask({ deadlineMs: 200 }), errors };
    } catch (error) {
      errors.push(error as ServiceError);
      if ((error as ServiceError).code !== status.DEADLINE_EXCEEDED) throw error;
    }
  }
}

berthOnly('many at once', () => {
  test(
    '110 pods by callers that give up after 200 ms: each is there once, and nothing is left of them',
    async () => {
      const { world } = suite;
      const daemon = await daemonUnderTest();
      const before = daemon && (await snapshot(daemon));
      const bring = async () => {
        const config = world.podConfig();
        await mkdir(config.logDirectory, { recursive: true });
        const pod = await insist((control) => world.cri.runPod(config, '', control));
        world.adopt(pod.answer);
        const containerConfig = world.containerConfig({}, { id: pod.answer, config });
        const container = await insist((control) => world.cri.create(pod.answer, containerConfig, config, control));
        await world.cri.start(container.answer);
        return { pod: pod.answer, container: container.answer, errors: [...pod.errors, ...container.errors] };
      };
      const brought = await Promise.all(Array.from({ length: 110 }, bring));

      // Without callers that had to ask again, this would have shown nothing.
      const errors = brought.flatMap((one) => one.errors);
      expect(errors.length).toBeGreaterThan(20);
      expect(errors.filter(({ details }) => /reserved|exists/.test(details))).toEqual([]);
      expect((await world.cri.listPods()).map(({ id }) => id).sort()).toEqual(brought.map(({ pod }) => pod).sort());
      const containers = await world.cri.listContainers();
      expect(containers.map(({ id }) => id).sort()).toEqual(brought.map(({ container }) => container).sort());
      expect(new Set(containers.map(({ state }) => state))).toEqual(new Set([ContainerState.CONTAINER_RUNNING]));

      await Promise.all(brought.map(({ pod }) => world.removePod(pod)));
      if (before) await expectNoLeaks(before);
    },
    120_000 * slow,
  );

  test(
    'pods that share a cgroup come and go two by two, and neither takes it from the other',
    async () => {
      const { world } = suite;
      const daemon = await daemonUnderTest();
      const before = daemon && (await snapshot(daemon));
      const comeAndGo = async (_: unknown, lane: number) => {
        for (let round = 0; round < 10; round++) {
          const config = world.podConfig({ host: true });
          const cgroupParent = cgroupBelow(config.linux?.cgroupParent ?? '', `shared-${lane >> 1}`);
          const pod = await world.runPod({ ...config, linux: config.linux && { ...config.linux, cgroupParent } });
          await world.removePod(pod.id);
        }
      };
      await Promise.all(Array.from({ length: 16 }, comeAndGo));
      if (before) await expectNoLeaks(before);
    },
    120_000 * slow,
  );

  /** The slowest but one in a hundred of the reads that a kubelet polls with, in milliseconds. */
  async function slowestReads(pod: string, container: string): Promise<number> {
    const { cri } = suite.world;
    const reads = [
      () => cri.listPods(),
      () => cri.listContainers(),
      () => cri.podStatus(pod),
      () => cri.containerStatus(container),
      () => cri.listContainerStats(),
    ];
    const taken: number[] = [];
    for (let turn = 0; turn < 40; turn++) {
      for (const read of reads) {
        const begun = performance.now();
        await read();
        taken.push(performance.now() - begun);
      }
    }
    return taken.sort((a, b) => a - b)[Math.floor(taken.length * 0.99) - 1] ?? 0;
  }

  test(
    'reads are as fast while 50 containers take their grace of 30 seconds to stop as before',
    async () => {
      const { world } = suite;
      const pods = await Promise.all(Array.from({ length: 5 }, () => world.runPod(world.podConfig({ host: true }))));
      const deaf = { command: ['sh', '-c', 'trap "" TERM; while :; do sleep 1000; done'] };
      const containers = await Promise.all(
        pods.flatMap((pod) => Array.from({ length: 10 }, () => world.start(deaf, pod))),
      );
      const [pod, container] = [pods[0]?.id ?? '', containers[0]?.id ?? ''];
      // The best of a few windows each: what else runs on the machine is not the daemon's.
      const best = async () =>
        Math.min(
          ...[
            await slowestReads(pod, container),
            await slowestReads(pod, container),
            await slowestReads(pod, container),
          ],
        );
      await best();
      const idle = await best();
      const stops = containers.map(({ id }) => world.cri.stop(id, 30 * slow));
      const busy = await best();
      expect(busy / idle).toBeLessThan(2);
      expect((await world.cri.containerStatus(container)).state).toBe(ContainerState.CONTAINER_RUNNING);
      // A second call brings the deadline forward, for the first one too.
      await Promise.all(containers.map(({ id }) => world.cri.stop(id, 0)));
      await Promise.all(stops);
      const states = (await world.cri.listContainers()).map(({ state }) => state);
      expect(new Set(states)).toEqual(new Set([ContainerState.CONTAINER_EXITED]));
      await Promise.all(pods.map(({ id }) => world.removePod(id)));
    },
    120_000 * slow,
  );
});
