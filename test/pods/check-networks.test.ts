import { getEventListeners } from 'node:events';
import { silentLog } from '../../src/base';
import { checkNetworks, type CheckParts } from '../../src/pods/check-networks';
import { sandboxPaths } from '../../src/pods/paths';
import type { SandboxRecord } from '../../src/state';
import { PodSandboxConfig } from '../../src/wire';

const ready = (id: string): [string, SandboxRecord] => [
  id,
  {
    v: 1,
    id,
    phase: 'ready',
    config: PodSandboxConfig.fromPartial({}),
    handler: 'runc',
    createdAt: 0n,
    bootId: 'b',
    cgroupParent: '/x',
    ownsCgroup: false,
    network: { attached: true, ips: [], confList: '{}', result: '{}' },
  },
];

/** So many pods in memory, and checks that end when the test says, or that listen to their signal as plugins do. */
function world(count: number) {
  const pods = new Map(Array.from({ length: count }, (_, index) => ready(`pod-${index}`)));
  const closing = new AbortController();
  const running: (() => void)[] = [];
  const checked: string[] = [];
  const check: CheckParts['network']['check'] = (_conf, _result, pod, signal) => {
    checked.push(pod.id);
    return new Promise((resolve, reject) => {
      const given = () => reject(new Error('given up'));
      running.push(() => (signal?.removeEventListener('abort', given), resolve()));
      signal?.addEventListener('abort', given);
    });
  };
  const paths = (id: string) => sandboxPaths('/nowhere', 'hash', id);
  const over = checkNetworks({ table: pods, network: { check }, log: silentLog() }, paths, closing.signal);
  return { closing, running, checked, over };
}

test('each pod is asked for once, four at a time, and those that wait do not listen to the end of berthd', async () => {
  const { closing, running, checked, over } = world(30);
  for (let ended = 0; ended < 30; ended += 1) {
    expect(checked).toHaveLength(Math.min(30, ended + 4));
    expect(getEventListeners(closing.signal, 'abort').length).toBeLessThanOrEqual(4);
    running[ended]?.();
    await new Promise(setImmediate);
  }
  await over;
  expect(new Set(checked).size).toBe(30);
});

test('what still waits when berthd ends is not checked', async () => {
  const { closing, checked, over } = world(30);
  closing.abort();
  await over;
  expect(checked).toHaveLength(4);
});
