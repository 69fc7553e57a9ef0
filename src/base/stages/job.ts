import { randomBytes } from 'node:crypto';
import { Stage, type StageOptions } from './stage';

/** Reads are asked for every second, changes are somebody's, the background is berthd's own. */
export type JobKind = 'read' | 'change' | 'background';

export interface JobFacts {
  /** Of the RPC: `RunPodSandbox`; of the background in a few words. */
  readonly name: string;
  readonly kind: JobKind;
  /** `runtime.v1.RuntimeService` for an RPC. */
  readonly service?: string;
  /** Lasts as long as its caller wants: never slow. */
  readonly endless?: boolean;
  /** What it is about, by the names that the log has for it: pod, container, image. */
  readonly ids?: Readonly<Record<string, string>>;
  /** The headers of W3C Trace Context that the caller sent. */
  readonly trace?: { readonly parent: string; readonly state: string } | undefined;
}

/** How a job ended, as gRPC has it. */
export interface JobEnd {
  /** A gRPC status; 0 is OK. */
  readonly code: number;
  /** What is told of a failure. */
  readonly error?: string;
}

/** How often a stage was gone through, and how long that took together, in milliseconds. */
export interface Took {
  times: number;
  ms: number;
}

/** A wait for what another job held. */
export interface Waited {
  readonly for: string;
  readonly ms: number;
  /** The job that held it, by its description. */
  readonly holder: string;
}

/** Different stages, and waits, that are kept of one job; more are counted together. */
const keptStages = 64;
const keptWaits = 16;
const others = 'other stages';

const process = randomBytes(2).toString('hex');
let jobs = 0;

/**
 * One RPC or one work of the background, from its begin until it is answered and all that it began is over: what a caller
 * no longer waits for is still somebody's.
 */
export class Job {
  /** Short, and not another's while this process lives: every line of the log that is written during the job has it. */
  readonly id = `${process}-${(++jobs).toString(36)}`;
  readonly name: string;
  readonly kind: JobKind;
  /** Of performance.now(), in milliseconds. */
  readonly begunAt = performance.now();
  /** Milliseconds since the epoch. */
  readonly begunTime = Date.now();
  ids: Readonly<Record<string, string>>;
  end: JobEnd | undefined;
  endedAt: number | undefined;
  /** Those that run, oldest first. */
  readonly open = new Set<Stage>();
  /** Those that have ended. One within another is in both. */
  readonly took = new Map<string, Took>();
  readonly waits: Waited[] = [];

  constructor(
    readonly facts: JobFacts,
    /** Milliseconds after which it is slow; Infinity: never. */
    readonly slowAfterMs: number,
  ) {
    this.name = facts.name;
    this.kind = facts.kind;
    this.ids = facts.ids ?? {};
  }

  /** Answered, and nothing that it began goes on. */
  get over(): boolean {
    return this.end !== undefined && this.open.size === 0;
  }

  get ageMs(): number {
    return (this.endedAt ?? performance.now()) - this.begunAt;
  }

  get slow(): boolean {
    return this.ageMs >= this.slowAfterMs;
  }

  /** Adds to what is known of it. */
  note(ids: Readonly<Record<string, string>>): void {
    this.ids = { ...this.ids, ...ids };
  }

  begin(op: string, parent: Stage | undefined, options: StageOptions): Stage {
    const stage = new Stage(this, op, parent, options);
    this.open.add(stage);
    if (parent) parent.within++;
    return stage;
  }

  finish(stage: Stage): void {
    stage.endedAt = performance.now();
    this.open.delete(stage);
    if (stage.parent) stage.parent.within--;
    const name = this.took.has(stage.name) || this.took.size < keptStages ? stage.name : others;
    const took = this.took.get(name) ?? { times: 0, ms: 0 };
    this.took.set(name, { times: took.times + 1, ms: took.ms + stage.ageMs });
    const { holder, name: what, ageMs: ms } = stage;
    if (holder !== undefined && this.waits.length < keptWaits)
      this.waits.push({ for: what, ms: Math.round(ms), holder });
  }

  /** Where it is: the innermost stages, several where work goes on side by side. */
  stages(): readonly Stage[] {
    return [...this.open].filter(({ within }) => within === 0);
  }

  /** `f3a1-1k StopPodSandbox`. */
  toString(): string {
    return `${this.id} ${this.name}`;
  }
}
