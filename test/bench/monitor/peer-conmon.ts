import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { run } from '../../../e2e/support/machine';
import { writeBundle, type Workspace } from '../../runtime/support/bundle';

/** What others use in our monitor's place: BERTH_PEER_CONMON, or what podman and CRI-O have; undefined without either. */
export async function peerConmon(): Promise<string | undefined> {
  const path = process.env['BERTH_PEER_CONMON'] ?? '/usr/bin/conmon';
  return access(path).then(
    () => path,
    () => undefined,
  );
}

/** A running container under it, started as podman does; `end` kills and removes it. */
export interface PeerContainer {
  readonly id: string;
  readonly monitorPid: number;
  readonly logPath: string;
  end(): Promise<void>;
}

/** Starts a container under such a conmon with its defaults: the log in the same format, runc below it. */
export async function startPeerContainer(
  workspace: Workspace,
  conmon: string,
  runtime: string,
  args: readonly string[],
): Promise<PeerContainer> {
  const id = `p${randomBytes(6).toString('hex')}`;
  const folder = join(workspace.path, id);
  const runtimeRoot = join(workspace.path, 'peer');
  await writeBundle(folder, workspace.rootfs, id, { args });
  const monitorPidFile = join(folder, 'conmon.pid');
  const logPath = join(folder, 'log');
  const options = {
    '--cid': id,
    '--cuuid': id,
    '--name': id,
    '--runtime': runtime,
    '--bundle': folder,
    '--container-pidfile': join(folder, 'pid'),
    '--conmon-pidfile': monitorPidFile,
    '--exit-dir': folder,
    '--socket-dir-path': folder,
    '--log-path': `k8s-file:${logPath}`,
    '--log-level': 'error',
  };
  const words = [...Object.entries(options).flat(), '--runtime-arg', '--root', '--runtime-arg', runtimeRoot];
  const child = spawn(conmon, words, {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    env: { PATH: process.env['PATH'], _OCI_SYNCPIPE: '3' },
  });
  // The pid of init, or -1 and why not: the container is created then.
  const [answer] = (await once(child.stdio[3] as Readable, 'data')) as [Buffer];
  if (!/"pid":\s*\d/.test(answer.toString())) throw new Error(`${conmon} could not create ${id}: ${answer.toString()}`);
  await run(runtime, '--root', runtimeRoot, 'start', id);
  const monitorPid = Number(await readFile(monitorPidFile, 'utf8'));
  return {
    id,
    monitorPid,
    logPath,
    end: async () => void (await run(runtime, '--root', runtimeRoot, 'delete', '--force', id)),
  };
}
