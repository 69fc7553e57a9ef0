import { rm } from 'node:fs/promises';
import { basename, isAbsolute } from 'node:path';
import type { PodSandbox } from '../../wire';
import type { Daemon } from '../daemon';
import { logFolderAnnotation, runLabel } from './names';

/** What removing a pod of `berth run` needs to know of it. */
export interface RunPod {
  readonly id: string;
  readonly name: string;
  readonly uid: string;
  readonly logFolder: string;
}

/** Whether `berth run` made the pod: its container and it live and go together. */
export function isRunPod(pod: Pick<PodSandbox, 'labels'>): boolean {
  return pod.labels[runLabel] !== undefined;
}

/** A listed pod as `removePod` wants it; one that `run` did not make has no log folder of ours. */
export function runPodOf({ id, metadata, labels, annotations }: PodSandbox): RunPod {
  const logFolder = isRunPod({ labels }) ? (annotations[logFolderAnnotation] ?? '') : '';
  return { id, name: metadata?.name ?? '', uid: metadata?.uid ?? '', logFolder };
}

/** Removes a pod with its containers, and the logs of one that `berth run` made: no kubelet will. */
export async function removePod(daemon: Daemon, { id, name, uid, logFolder }: RunPod): Promise<void> {
  await daemon.removePod(id);
  // Only what `run` makes: an annotation that anybody may write is no permission to remove any folder.
  if (isAbsolute(logFolder) && basename(logFolder) === `${name}-${uid}`) {
    await rm(logFolder, { recursive: true, force: true });
  }
}
