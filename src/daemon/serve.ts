import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nowNs, putLoopFirst, type RootLog, slowJobs, tellSlowJobs, UndoScope } from '../base';
import { type Config, slowAfterMs } from '../config';
import { dumpOnSignal } from './dump-on-signal';
import { openMetrics } from './metrics';
import { reloadOnHangUp } from './reload';
import { StateDump } from './state-dump';
import { createCriServer, type ImageFsUsage, type RuntimeFacts } from '../cri';
import { openEngine, type Engine } from '../engine';
import { createStreamingServer, type StreamingOptions } from '../streaming';

export interface ServeOptions {
  readonly config: Config;
  /** The folder of the native programs. */
  readonly libexecDir: string;
  readonly log: RootLog;
  readonly version: string;
  /** The descriptor of the socket to serve, where it was opened for berthd; otherwise berthd makes it. */
  readonly passedSocket: number | undefined;
  /** Resolves when the daemon is to end. */
  readonly stop: Promise<string>;
  /** Reads the configuration anew; asked for at each SIGHUP. */
  readonly reread: () => Promise<Config>;
}

/** How long calls in flight get to finish when the daemon stops. */
const stopGraceMs = 5_000;

/** Serves until it is told to stop; containers run on. */
export async function serve(options: ServeOptions): Promise<void> {
  const { config, libexecDir, log, version, passedSocket, stop, reread } = options;
  const startedAt = nowNs();
  await using listeners = new UndoScope(log);
  const dump = new StateDump();
  let opened: Engine | undefined;
  dumpOnSignal(join(config.run_root, 'dumps'), () => dump.take(opened), log.room('daemon'));
  const engine = (opened = await openEngine({ config, libexecDir, log }));
  putLoopFirst(log.room('daemon'));
  listeners.add('engine', () => engine.close());
  slowJobs((job) => slowAfterMs(engine.config, job));
  using _slow = tellSlowJobs(log.room('daemon'));
  const streaming = createStreamingServer({
    ...streamingOptions(config.streaming),
    target: {
      exec: (request, streams) => engine.containers.exec(request, streams),
      attach: (request, streams) => engine.containers.attach(request, streams),
      dial: ({ podId }, port, signal) => engine.pods.ports.dial(podId, port, signal),
      untilStopped: ({ podId }) => engine.pods.ports.untilStopped(podId),
    },
    log: log.room('streaming'),
  });
  await streaming.listen();
  listeners.add('streaming', () => streaming.close());
  const metrics = await openMetrics(config.metrics, engine.metricSources, version, log.room('daemon'));
  listeners.add('metrics', () => metrics.close());
  using _reloads = reloadOnHangUp(engine, [streaming, metrics], reread, log.room('daemon'));

  const cri = createCriServer({
    pods: engine.pods,
    containers: engine.containers,
    podLifecycle: engine.podLifecycle,
    images: engine.images,
    imageFs: () => imageFs(engine),
    stats: engine.stats,
    events: engine.events,
    podMetrics: engine.podMetrics,
    streaming,
    facts: await facts(config, version, startedAt, engine),
    handlers: () => engine.runtime.handlers(),
    runtimeCondition: () => engine.runtime.condition(),
    config: () => engine.config,
    runtimeSpec: (id) => engine.containers.runtimeSpec(id),
    log: log.room('cri'),
    calls: metrics.calls,
  });
  await (passedSocket === undefined ? cri.listen(config.socket) : cri.adopt(passedSocket));
  listeners.add('cri', () => cri.close(stopGraceMs));
  // The socket answers from here on, with `daemon-starting`: a kubelet that waits learns why.
  await engine.recover();
  cri.ready();
  log.info({ socket: config.socket, passed: passedSocket !== undefined, root: config.root, version }, 'berthd serves');

  const reason = await stop;
  log.info({ reason }, 'berthd stops; containers run on');
}

function streamingOptions(streaming: Config['streaming']): Omit<StreamingOptions, 'target' | 'log'> {
  const { tls_cert: cert, tls_key: key, client_ca: clientCa } = streaming;
  return {
    host: streaming.host,
    port: streaming.port,
    tls: cert ? { cert, key, clientCa: clientCa || undefined } : undefined,
    idleTimeoutMs: streaming.idle_timeout * 1000,
    creationTimeoutMs: streaming.creation_timeout * 1000,
    maxSessions: streaming.max_sessions,
  };
}

async function facts(config: Config, version: string, startedAt: bigint, engine: Engine): Promise<RuntimeFacts> {
  const cgroups = await readFile('/proc/self/cgroup', 'utf8');
  return {
    version,
    root: config.root,
    runRoot: config.run_root,
    socket: config.socket,
    pid: process.pid,
    startedAt,
    cgroup: /^0::(.*)$/m.exec(cgroups)?.[1] ?? '',
    cgroupDriver: engine.cgroupDriver,
    runtimePath: engine.runtime.path,
    runtimeVersion: engine.runtime.version,
    defaultHandler: config.runtime.default_handler,
  };
}

/** `mountpoint` names a folder of the file system, as the peers do; the kubelet takes two names for two file systems. */
function imageFs({ storage, fsUsage }: Engine): ImageFsUsage {
  const entry = (mountpoint: string, { bytes, inodes, timestamp }: ReturnType<Engine['fsUsage']['images']>) => ({
    mountpoint,
    usedBytes: bytes,
    inodesUsed: inodes,
    timestamp,
  });
  return {
    images: [entry(storage.imageRoot, fsUsage.images())],
    containers: [entry(storage.root, fsUsage.containers())],
  };
}
