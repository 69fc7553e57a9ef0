import { figure } from './metric';

export const oomMetrics = [
  figure(
    'counter',
    'container_oom_events_total',
    'Processes of the container that were killed because memory ran out',
    ({ cgroup }) => cgroup.oomKills,
  ),
];
