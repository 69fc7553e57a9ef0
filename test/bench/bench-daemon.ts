import { endDaemon, removeTraces, startDaemon, type Daemon, type DaemonOptions } from '../../e2e/support/daemon';
import type { DaemonKind } from '../../e2e/support/environment';
import { images } from '../../e2e/support/fixtures';
import { makeLayout } from '../../e2e/support/layout';
import { World } from '../../e2e/support/world';

/** A daemon of its own that is measured over CRI, with the images that pods of it need; its end takes all of it away. */
export interface BenchDaemon extends AsyncDisposable {
  readonly daemon: Daemon;
  readonly world: World;
  /** Name and version, as it tells them. */
  readonly version: string;
}

export async function benchDaemon(kind: DaemonKind, options: DaemonOptions): Promise<BenchDaemon> {
  const { layout } = options;
  await makeLayout(layout);
  const daemon = await startDaemon(kind, options);
  const end = async () => {
    await endDaemon(daemon);
    await removeTraces(layout);
  };
  try {
    const world = await World.open(layout.socket, layout.names.cgroupParent);
    const { runtimeName, runtimeVersion } = await world.cri.version();
    await world.cri.pull(images.busybox);
    if (kind === 'containerd') await world.cri.pull(images.pause);
    return {
      daemon,
      world,
      version: `${runtimeName} ${runtimeVersion}`,
      async [Symbol.asyncDispose]() {
        try {
          await world.clear();
          await world.close();
        } finally {
          await end();
        }
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}
