import type { Observation } from '../../base';
import { boundedLabel, byPhase, type Families } from './families';
import type { MetricSources } from './sources';

const podPhases = ['creating', 'ready', 'stopping', 'stopped', 'removing'] as const;
const containerPhases = ['creating', 'created', 'running', 'exited', 'removing'] as const;

/** Those that ContainerStatus tells; what others may be added is bounded all the same. */
const endReasons = ['Completed', 'Error', 'OOMKilled', 'StartError', 'Unknown', 'MonitorLost', 'NodeRestarted'];

/** Pods and containers, how they end, and who watches them. Gives what takes the observations. */
export function lifeMetrics(families: Families, sources: MetricSources): (observation: Observation) => void {
  families.gaugeOf('berth_pods', 'Pod sandboxes on record, by phase.', ['state'], () =>
    byPhase(podPhases, sources.pods()),
  );
  families.gaugeOf('berth_containers', 'Containers on record, by phase.', ['state'], () =>
    byPhase(containerPhases, sources.containers()),
  );
  const ends = families.counter(
    'berth_container_ends_total',
    'Containers that have ended, by the reason that ContainerStatus gives; OOMKilled are those that the kernel killed for memory.',
    ['reason'],
  );
  for (const reason of endReasons) ends.inc({ reason }, 0);
  families.gaugeOf('berth_monitors', 'Monitors of containers, by whether berthd reaches them.', ['state'], () => {
    const { connected, unreachable } = sources.monitors();
    return [
      [{ state: 'connected' }, connected],
      [{ state: 'unreachable' }, unreachable],
    ];
  });
  const lost = families.counter(
    'berth_monitors_lost_total',
    'Monitors that were gone without a record of how their container ended; it was then ended.',
  );
  const reasonOf = boundedLabel();
  return (observation) => {
    if (observation.kind === 'container-ended') ends.inc({ reason: reasonOf(observation.reason) });
    else if (observation.kind === 'monitor-lost') lost.inc();
  };
}
