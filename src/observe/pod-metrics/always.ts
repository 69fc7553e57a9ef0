import { figure, seconds } from './metric';

/** What cAdvisor says of each container whatever else it is told to leave out. */
export const alwaysMetrics = [
  figure('gauge', 'container_last_seen', 'When the container was last seen, in seconds since the epoch', ({ now }) =>
    seconds(now),
  ),
  figure(
    'gauge',
    'container_creation_time_seconds',
    'When the container was created, in seconds since the epoch',
    ({ createdAt }) => seconds(createdAt),
  ),
  figure(
    'gauge',
    'container_start_time_seconds',
    'When the container was started, in seconds since the epoch',
    ({ startedAt }) => seconds(startedAt),
  ),
];
