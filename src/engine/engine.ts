import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { armFailpoints, backgroundJob, BerthError, hashId, messageOf, Observations, UndoScope } from '../base';
import { changedKeys, readEnvironment } from '../config';
import {
  cdiDevices,
  createContainers,
  createPodLifecycle,
  containerPaths,
  hookFolders,
  makeContainerFolders,
} from '../containers';
import { createImages } from '../image';
import { openCgroupMeter, startKernel } from '../kernel';
import { cgroupSettings, createInfra, createSandboxes, netnsDir, openNetwork } from '../pods';
import { eventFeed, openPodMetrics, startTracing, watchFsUsage, watchStats } from '../observe';
import { recover, retryPeriodically } from '../recovery';
import { createHandlers, findCriu, watchRuntime } from '../runtime';
import { openState, type State } from '../state';
import { createStorage } from '../storage';
import {
  attachedTo,
  endedAt,
  imageFiles,
  imageUsers,
  networkSettings,
  once,
  pacedPrograms,
  runtimes,
  specDefaults,
} from './between-rooms';
import type { Engine, EngineOptions } from './contract';
import { metricSources } from './metric-sources';
import { checkRunRoot } from './run-root';
import { checkTimeZone } from './time-zone';

/** How long a starting berthd waits for one that is ending. */
const lockWaitMs = 30_000;

/** Constructs every room from the configuration, in the order of the architecture's table. */
export async function openEngine({ config, libexecDir, log }: EngineOptions): Promise<Engine> {
  // What a reload can change is read by this, at each use.
  let current = config;
  const { root, run_root: runRoot } = config;
  const environment = readEnvironment(process.env);
  checkRunRoot(runRoot);
  await checkTimeZone(config);
  const observations = new Observations();
  const paces = { pods: pacedPrograms('network of a pod'), containers: pacedPrograms('runtime of a container') };
  await using opened = new UndoScope(log);
  opened.add('failpoints', armFailpoints(environment.failpoints, log));
  const { endpoint, sampling_rate_per_million: perMillion } = config.tracing;
  const tracing = endpoint ? await startTracing({ endpoint, perMillion, log: log.room('observe') }) : undefined;
  opened.add('tracing', async () => tracing?.close());
  const rootHash = hashId(root, 8);
  const cgroupName = `berth-${rootHash}`;
  await Promise.all(
    [root, runRoot, join(runRoot, 'ns'), join(runRoot, 'pods'), netnsDir].map((path) =>
      mkdir(path, { recursive: true }),
    ),
  );

  const kernel = await startKernel({
    launcherPath: join(libexecDir, 'launcher'),
    runRoot,
    cgroupBase: `/${cgroupName}`,
    lock: { path: join(root, 'lock'), timeoutMs: lockWaitMs },
    log: log.room('kernel'),
    observations,
  });
  opened.add('launcher', () => kernel.close());
  const cgroups = cgroupSettings(config.runtime, kernel.facts.systemd, cgroupName);
  const state: State = await openState(root, log.room('state'), observations);
  opened.add('state', () => state.close());
  const storage = await createStorage({
    root,
    imageRoot: config.image.root || root,
    runRoot,
    unpackPath: join(libexecDir, 'unpack'),
    kernel,
    layers: state.layers,
    flushed: () => state.flushed(),
    layerConcurrency: config.image.layer_concurrency,
    unpackLimits: config.image.layer_limits,
    log: log.room('storage'),
  });

  const handlers = createHandlers({
    handlers: () => current.runtime.handlers,
    defaultName: () => current.runtime.default_handler,
    runRoot,
    searchPath: environment.searchPath,
  });
  const network = await openNetwork({
    kernel,
    settings: () => networkSettings(current),
    attached: (name) => attachedTo(name, state.sandboxes),
    log: log.room('pods'),
    observations,
  });
  opened.add('network', async () => network.close());
  const runtime = await watchRuntime({ kernel, handlers, log: log.room('runtime') });
  opened.add('runtime watch', async () => runtime[Symbol.dispose]());
  const conmonPath = join(libexecDir, 'conmon');
  const pausePath = join(libexecDir, 'pause');
  const infra = createInfra({ kernel, handlers, conmonPath, pausePath, runRoot, observations });
  const pods = createSandboxes({
    kernel,
    table: state.sandboxes,
    network,
    infra,
    handlers,
    featuresOf: (handler) => runtime.features(handler),
    log: log.room('pods'),
    runRoot,
    rootHash,
    cgroups,
    pace: paces.pods,
  });

  const images = await createImages({
    storage,
    table: state.images,
    get registriesConf() {
      return imageFiles(current).registriesConf;
    },
    get policy() {
      return imageFiles(current).policy;
    },
    get authFiles() {
      return current.image.auth_files;
    },
    get namespacedAuthDir() {
      return current.image.namespaced_auth_dir;
    },
    get pinnedImages() {
      return current.image.pinned_images;
    },
    get progressTimeoutMs() {
      return current.image.pull_progress_timeout * 1000;
    },
    concurrency: config.image.pull_concurrency,
    kernel,
    environment,
    certsDirs: config.image.certs_dirs,
    stagingDir: join(storage.imageRoot, 'staging'),
    inUse: () => [...state.containers.values()].flatMap(({ imageId, volumeImages = [] }) => [imageId, ...volumeImages]),
    users: () => [...state.containers.values()].flatMap(imageUsers),
    flushed: () => state.flushed(),
    log: log.room('image'),
  });
  opened.add('images', () => images.close(new BerthError('daemon-stopping', { op: 'pull', detail: 'berthd stops' })));
  const meter = await openCgroupMeter();
  const paths = (id: string) => containerPaths(root, runRoot, id);
  await makeContainerFolders(paths('x'));
  const containers = createContainers({
    kernel,
    storage,
    table: state.containers,
    sandboxes: pods,
    handlers,
    featuresOf: (handler) => runtime.features(handler),
    runtimeOf: runtimes(kernel, state.sandboxes, observations),
    meter,
    hooks: hookFolders(() => current.runtime.hooks_dirs),
    cdiDevices: cdiDevices(() => current.runtime.cdi_spec_dirs),
    findImage: (reference) => images.find(reference),
    admitImage: (image, asked, namespace) => images.admit(image, asked, namespace),
    findCriu: () => findCriu(config.runtime.criu, environment.searchPath),
    restoreFrom: () => current.runtime.restore_from,
    conmonPath,
    pace: paces.containers,
    logs: () => ({ sizeMax: current.runtime.log_size_max, toJournald: current.runtime.log_to_journald }),
    specDefaults: () => specDefaults(current),
    additionalDevices: () => current.runtime.additional_devices,
    paths,
    sayOnce: once((note) => log.warn(`on this machine: ${note}`)),
    log: log.room('containers'),
    observations,
  });
  opened.add('monitors', async () => containers.close());
  const podLifecycle = createPodLifecycle(pods, containers);
  const sampling = new AbortController();
  opened.add('usage samples', async () => sampling.abort());
  const closing = sampling.signal;
  const observed = { log: log.room('observe'), closing };
  const fsUsage = await watchFsUsage({ storage, endedAt: (id) => endedAt(containers.get(id)), ...observed });
  const stats = watchStats({ meter, kernel, pods, containers, fsUsage, ...observed });
  const events = eventFeed({
    pods,
    containers,
    podLifecycle,
    podChanges: state.sandboxes.changes,
    containerChanges: state.containers.changes,
  });
  const families = () => current.observe.pod_metrics;
  const podMetrics = await openPodMetrics({ root: storage.root, families, stats, fsUsage, containers, log, closing });
  opened.commit();

  return {
    get config() {
      return current;
    },
    kernel,
    pods,
    cgroupDriver: cgroups.driver,
    containers,
    podLifecycle,
    images,
    pulls: images.pulls,
    storage,
    fsUsage,
    stats,
    events,
    podMetrics,
    tracing,
    runtime,
    metricSources: metricSources({ observations, kernel, state, storage, images, pods, containers, runtime, paces }),
    async reload(next) {
      const changed = changedKeys(current, next);
      await checkTimeZone(next);
      const apply = [await images.prepare(imageFiles(next)), await network.prepare(networkSettings(next))];
      // Nothing can fail from here on.
      current = next;
      log.setLevels(next.log);
      for (const take of apply) take();
      void runtime.look();
      return changed;
    },
    async recover() {
      const recovering = log.room('recovery');
      const parts = { kernel, state, storage, sandboxes: pods, containers, podLifecycle, root, log: recovering };
      await backgroundJob('recovery', {}, () => recover(parts));
      // What is not removed now is at the next start: it takes room, and does no harm.
      await backgroundJob('removal of what no image needs', {}, () => images.collect()).catch((error: unknown) => {
        log.error({ err: error }, `what no image needs is not removed: ${messageOf(error)}`);
      });
      const retries = [
        retryPeriodically(recovering, 30_000, () => backgroundJob('retry of containers', {}, () => containers.retry())),
        // Each pod has a pause of its own, of some seconds at first.
        retryPeriodically(recovering, 5_000, async () => pods.retryDue(closing)),
      ];
      opened.add('retries', async () => retries.forEach((retry) => retry[Symbol.dispose]()));
      // What pods on record hold of their network is known from here on. Nobody waits for plugins.
      void network.collect();
      void backgroundJob('check of pod networks', {}, () => pods.checkNetworks(closing));
    },
    close: () => opened.rollback(),
  };
}
