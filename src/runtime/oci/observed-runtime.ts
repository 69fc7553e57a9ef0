import type { Observations } from '../../base';
import type { OciRuntime } from './oci-runtime';

/** The same runtime; what containers' lives ask of it is told, by the handler that its containers were made with. */
export function observedRuntime(runtime: OciRuntime, handler: string, observations: Observations): OciRuntime {
  const time = <T>(operation: string, work: () => Promise<T>) =>
    observations.time({ kind: 'runtime', operation, handler }, work);
  return {
    ...runtime,
    delete: (...call) => time('delete', () => runtime.delete(...call)),
    kill: (...call) => time('kill', () => runtime.kill(...call)),
    update: (...call) => time('update', () => runtime.update(...call)),
    pause: (...call) => time('pause', () => runtime.pause(...call)),
    resume: (...call) => time('resume', () => runtime.resume(...call)),
    checkpoint: (...call) => time('checkpoint', () => runtime.checkpoint(...call)),
    state: (...call) => time('state', () => runtime.state(...call)),
  };
}
