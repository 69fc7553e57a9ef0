import type { Tracing, TracingOptions } from './tracing';

export type { Tracing } from './tracing';

/** Opens tracing; what it is made of is loaded only now. */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const { openTracing } = await import('./tracing');
  return openTracing(options);
}
