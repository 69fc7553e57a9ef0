import { abortable, KeyedLock } from '../../base';
import type { ContainerRecord } from '../../state';
import type { CreateParts } from '../create-parts';
import type { Supervisor } from '../supervisor';
import { checkpointContainer } from './checkpoint';

/** A checkpoint without a timeout of its own gets longer than the kubelet waits for any call. */
const defaultTimeoutMs = 600_000;

/** Checkpoints of containers, one of each at a time. */
export class Checkpoints {
  private readonly lock = new KeyedLock('checkpoint of container');

  constructor(
    private readonly parts: CreateParts,
    private readonly supervisor: Supervisor,
    /** The record of a container that runs; throws otherwise. */
    private readonly running: (id: string) => ContainerRecord,
  ) {}

  /** Rejects when the caller gives up; the checkpoint is finished all the same. */
  async make(id: string, location: string, timeoutSeconds: number, signal?: AbortSignal): Promise<void> {
    const target = { location, timeoutMs: timeoutSeconds > 0 ? timeoutSeconds * 1000 : defaultTimeoutMs };
    // CRIU has its own code in the container's processes meanwhile: to cut it off would be their end.
    const work = this.lock.with(id, undefined, () =>
      checkpointContainer(this.parts, this.supervisor, this.running(id), target),
    );
    await abortable(work, signal, `CheckpointContainer: container ${id}`);
  }
}
