import { type Job, type JobWatcher, type Log, type Stage, watchJobs } from '../../base';
import { SpanExporter, type ExporterOptions, type ExporterStats } from './exporter';
import { spanOfJob, spanOfStage } from './otlp';
import { newSpanId, sampled, type SpanContext } from './trace-context';

export interface TracingOptions extends ExporterOptions {
  /** Of RPCs whose caller sends no trace. */
  readonly perMillion: number;
  readonly log: Log;
}

/** Spans of what goes on, on their way to a collector. */
export interface Tracing {
  stats(): ExporterStats;
  close(): Promise<void>;
}

/** Stages of one RPC that become spans; beyond that they are passed over. */
const mostStages = 1000;
/** For the last spans when berthd ends, in milliseconds. */
const closeMs = 2_000;

interface Traced extends SpanContext {
  readonly stages: WeakMap<Stage, string>;
  left: number;
}

/** Makes a span of each sampled RPC and of each of its stages, from now on until closed. */
export function openTracing(options: TracingOptions): Tracing {
  const exporter = new SpanExporter(options);
  const watch = watchJobs(spansOf(exporter, options.perMillion));
  return {
    stats: () => exporter.stats(),
    async close() {
      watch[Symbol.dispose]();
      await exporter.close(closeMs);
    },
  };
}

function spansOf(exporter: SpanExporter, perMillion: number): JobWatcher {
  const traced = new WeakMap<Job, Traced>();
  const idOf = ({ stages }: Traced, stage: Stage): string => {
    const id = stages.get(stage) ?? newSpanId();
    stages.set(stage, id);
    return id;
  };
  return {
    began(job) {
      if (job.facts.service === undefined) return;
      const context = sampled(job.facts.trace, perMillion);
      if (context) traced.set(job, { ...context, stages: new WeakMap(), left: mostStages });
    },
    stageEnded(stage) {
      const context = traced.get(stage.job);
      if (!context || context.left === 0) return;
      context.left--;
      const parent = stage.parent ? idOf(context, stage.parent) : context.spanId;
      exporter.add(spanOfStage(stage, idOf(context, stage), parent, context));
    },
    ended(job) {
      const context = traced.get(job);
      if (context) exporter.add(spanOfJob(job, context));
    },
  };
}
