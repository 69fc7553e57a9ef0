import { openExec, openPortForward } from '../../../src/streaming';
import type { DaemonOptions } from '../../../e2e/support/daemon';
import type { DaemonKind } from '../../../e2e/support/environment';
import { PodProgram } from '../../../e2e/support/pod-program';
import { benchDaemon } from '../bench-daemon';
import { ownCpuMsOf } from '../pull/usage';
import { thereAndBack } from './transfer';

export const streamKinds = ['exec', 'port-forward'] as const;
export type StreamKind = (typeof streamKinds)[number];

/** One transfer: how long it took, and the processor time of the daemon itself. */
export interface StreamSample {
  readonly ms: number;
  readonly daemonCpuMs: number;
}

export interface StreamContestant {
  readonly version: string;
  /** Sends so many bytes to the pod, which sends them back. */
  transfer(kind: StreamKind, bytes: number): Promise<StreamSample>;
  close(): Promise<void>;
}

const echoPort = 7001;

/** A daemon of its own with one pod: `cat` for exec, a program that repeats what it gets for port-forward. */
export async function streamContestant(kind: DaemonKind, options: DaemonOptions): Promise<StreamContestant> {
  const own = await benchDaemon(kind, options);
  const { daemon, world, version } = own;
  const container = await world.start({}, await world.runPod());
  const program = await PodProgram.start(
    world.cri,
    container.id,
    `listen(${echoPort}, '127.0.0.1', (socket) => socket.pipe(socket));`,
  );
  const work: Readonly<Record<StreamKind, (bytes: number) => Promise<number>>> = {
    exec: async (bytes) => {
      const streams = { stdin: true, stdout: true, stderr: false, tty: false };
      const url = await world.cri.exec({ containerId: container.id, cmd: ['cat'], ...streams });
      const { stdin, stdout, status } = await openExec(url, streams);
      if (!stdin || !stdout) throw new Error('the streams that were asked for are not there');
      const ms = await thereAndBack(stdin, stdout, bytes);
      const code = await status;
      if (code !== 0) throw new Error(`cat ended with ${code}`);
      return ms;
    },
    'port-forward': async (bytes) => {
      const session = await openPortForward(await world.cri.portForward(container.pod.id));
      const connection = await session.connect(echoPort);
      const ms = await thereAndBack(connection, connection, bytes);
      session.close();
      await session.over;
      return ms;
    },
  };
  return {
    version,
    async transfer(of, bytes) {
      const before = await ownCpuMsOf(daemon.pid);
      const ms = await work[of](bytes);
      return { ms, daemonCpuMs: (await ownCpuMsOf(daemon.pid)) - before };
    },
    async close() {
      await program[Symbol.asyncDispose]();
      await own[Symbol.asyncDispose]();
    },
  };
}
