import type { Job } from './job';

/** Who has what a stage waits for, at the moment. */
export type WaitsFor = () => Job | undefined;

export interface StageOptions {
  /** What it is done to: an id, a digest, a path. Kept from `op`, of which there are few. */
  readonly object?: string | undefined;
  /** Of a wait for what another job has. */
  readonly waitsFor?: WaitsFor;
}

/** Characters of an object that are kept: a path may be a page long. */
const mostObject = 160;

/** A part of a job: "CNI ADD bridge", "waiting for the lock of pod x". Stages nest. */
export class Stage {
  /** What is done, and to what. */
  readonly name: string;
  readonly object: string | undefined;
  /** Of performance.now(), in milliseconds. */
  readonly begunAt = performance.now();
  endedAt: number | undefined;
  failed = false;
  /** Stages that run within it. */
  within = 0;
  /** Who had what was waited for when the wait began, if it is a wait. */
  readonly holder: string | undefined;
  private readonly waitsFor: WaitsFor | undefined;

  constructor(
    readonly job: Job,
    readonly op: string,
    readonly parent: Stage | undefined,
    { object, waitsFor }: StageOptions,
  ) {
    this.object = object?.slice(0, mostObject);
    this.name = this.object === undefined ? op : `${op} ${this.object}`;
    this.waitsFor = waitsFor;
    this.holder = waitsFor?.()?.toString();
  }

  get ageMs(): number {
    return (this.endedAt ?? performance.now()) - this.begunAt;
  }

  /** With those that it is in, and the job that it waits for: `run-pod.attach > CNI ADD bridge`. */
  toString(): string {
    const holder = this.waitsFor?.();
    return holder ? `${this.path()}, held by ${holder.toString()}` : this.path();
  }

  private path(): string {
    return this.parent ? `${this.parent.path()} > ${this.name}` : this.name;
  }
}
