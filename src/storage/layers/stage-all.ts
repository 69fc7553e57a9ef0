import { setMaxListeners } from 'node:events';

/** Stages all, in parallel. The first failure ends the wait for the others, so that none goes on being fetched in vain. */
export async function stageAll<Source, Result>(
  sources: readonly Source[],
  signal: AbortSignal,
  stage: (source: Source, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  // Each one listens; Node would take more than ten for a leak.
  setMaxListeners(sources.length + 10, either);
  try {
    return await Promise.all(sources.map((source) => stage(source, either)));
  } catch (error) {
    failure.abort(error);
    throw error;
  }
}
