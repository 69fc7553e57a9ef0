import { hostname } from 'node:os';
import type { Job, Stage } from '../../base';
import { version } from '../../../package.json';
import type { SpanContext } from './trace-context';

/** OTLP's JSON (opentelemetry-proto, trace/v1): ids in hex, 64-bit numbers as text, enums as numbers. */
interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string };
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly status: { readonly code?: number; readonly message?: string };
}

const kinds = { internal: 1, server: 2 } as const;
const errorStatus = 2;
/** Characters of one attribute or message. */
const mostText = 512;

/** The span of an RPC that has been answered, by the semantic conventions for RPCs. */
export function spanOfJob(job: Job, { traceId, spanId, parentId, state }: SpanContext): Span {
  const { code = 0, error = '' } = job.end ?? {};
  const service = job.facts.service ?? '';
  return {
    traceId,
    spanId,
    ...(parentId !== undefined && { parentSpanId: parentId }),
    ...(state !== '' && { traceState: state }),
    name: `${service}/${job.name}`,
    kind: kinds.server,
    ...times(job, job),
    attributes: [
      text('rpc.system', 'grpc'),
      text('rpc.service', service),
      text('rpc.method', job.name),
      number('rpc.grpc.status_code', code),
      text('berth.job', job.id),
      ...Object.entries(job.ids).map(([key, value]) => text(`berth.${key}`, value)),
    ],
    status: code === 0 ? {} : { code: errorStatus, message: error.slice(0, mostText) },
  };
}

/** The span of a stage that has ended. */
export function spanOfStage(stage: Stage, spanId: string, parentSpanId: string, { traceId, state }: SpanContext): Span {
  return {
    traceId,
    spanId,
    parentSpanId,
    ...(state !== '' && { traceState: state }),
    name: stage.op,
    kind: kinds.internal,
    ...times(stage.job, stage),
    attributes: [
      ...(stage.object === undefined ? [] : [text('berth.object', stage.object)]),
      ...(stage.holder === undefined ? [] : [text('berth.held_by', stage.holder)]),
    ],
    status: stage.failed ? { code: errorStatus } : {},
  };
}

/** The body of an export request. */
export function exportRequest(spans: readonly Span[]): string {
  const resource = {
    attributes: [
      text('service.name', 'berthd'),
      text('service.version', version),
      text('host.name', hostname()),
      number('process.pid', process.pid),
    ],
  };
  return JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'berth', version }, spans }] }] });
}

/** By the wall clock as it was when the job began, so that a stage lies within its job whatever became of the clock. */
function times(job: Job, { begunAt, endedAt = begunAt }: Pick<Stage, 'begunAt' | 'endedAt'>) {
  const nanos = (at: number) =>
    String(BigInt(job.begunTime) * 1_000_000n + BigInt(Math.round((at - job.begunAt) * 1e6)));
  return { startTimeUnixNano: nanos(begunAt), endTimeUnixNano: nanos(endedAt) };
}

function text(key: string, value: string): KeyValue {
  return { key, value: { stringValue: value.slice(0, mostText) } };
}

function number(key: string, value: number): KeyValue {
  return { key, value: { intValue: String(value) } };
}
