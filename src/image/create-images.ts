import { createHmac, randomBytes } from 'node:crypto';
import { anySignal, isBerthError, KeyedLock, type Log, Semaphore, throwIfAborted } from '../base';
import type { Environment } from '../config';
import type { Kernel } from '../kernel';
import { loadArchive } from './archive';
import { checkImages, type ImageUser } from './check';
import { Collector } from './collector';
import { type AuthFile, Keychain, takeNamespacedAuth, usualAuthFiles } from './credentials';
import type { OpenImages, RegistryAuth } from './images';
import type { ImageStorage } from './install';
import { isPinned } from './pinned';
import { hostPlatform, type Platform } from './platform';
import { openAdmission, Policies, type PolicyPaths, Recheck } from './policy';
import type { PullDeps } from './pull';
import { pullNamed } from './pull-named';
import { PullJobs, PullProgress, PullTracker } from './pulls';
import { parseReference, qualify, type Reference, repositoryOf, type ShortReference, textOf } from './reference';
import { candidatesOf, loadRegistriesConf, type RegistriesConfPaths } from './registries-conf';
import { createHttp, defaultPatience, type Patience } from './registry';
import { ImageStore } from './store';
import type { ImageTable } from './table';

/**
 * What the image room is made of. What the configuration says (files, folders, patterns, times) is read at each use: a reload may
 * have changed it.
 */
export interface ImagesOptions {
  readonly storage: ImageStorage;
  readonly table: ImageTable;
  /** Resolves when the table's changes so far are on the disk. */
  readonly flushed?: () => Promise<void>;
  readonly registriesConf: RegistriesConfPaths;
  /** Runs credential helpers. */
  readonly kernel: Pick<Kernel, 'run'>;
  /** Says the proxies, the usual auth files, and what credential helpers find in theirs. */
  readonly environment: Environment;
  /** In docker's or podman's format; the first that knows the repository serves. None: the usual ones. */
  readonly authFiles: readonly string[];
  /** Where files with the credentials of one pull are left; empty for nowhere. */
  readonly namespacedAuthDir: string;
  /** Folders of certificates by host; the first that has the host counts. */
  readonly certsDirs: readonly string[];
  /** Which signatures images need, and where they are. */
  readonly policy: PolicyPaths;
  /** Patterns of the names of images that are pinned. */
  readonly pinnedImages?: readonly string[];
  /** How long an endpoint that sends next to nothing is waited for; 0 is for ever. Milliseconds. */
  readonly progressTimeoutMs: number;
  /** A folder for archives that are being loaded; what is in it at start is the owner's to remove. */
  readonly stagingDir: string;
  readonly log: Log;
  /** Images that are pulled at once; how many layers are is the storage's. */
  readonly concurrency: number;
  readonly platform?: Platform;
  /** Ids of images that containers use: they are not removed. */
  readonly inUse?: () => Iterable<string>;
  /** Containers and the images they were made from: a check names them. */
  readonly users?: () => Iterable<ImageUser>;
  readonly patience?: Patience;
}

/** Opens the image room. Throws `config-invalid` if registries.conf or a proxy is wrong: better at start than at the first pull. */
export async function createImages(options: ImagesOptions): Promise<OpenImages> {
  let conf = await loadRegistriesConf(options.registriesConf);
  const { storage, log, environment } = options;
  const store = new ImageStore({
    table: options.table,
    inUse: options.inUse ?? (() => []),
    isWhole: ({ chainIds }) => storage.hasLayers(chainIds),
    candidates: (short) => candidatesOf(conf, short).references,
  });
  const collector = new Collector(storage, () => options.table.values());
  const http = createHttp(environment, options.certsDirs);
  const authFiles = () =>
    options.authFiles.length > 0 ? options.authFiles : usualAuthFiles(environment, process.getuid?.() ?? 0);
  const policies = new Policies(options, log);
  const recheck = new Recheck(policies, storage);
  const deps: Omit<PullDeps, 'admission' | 'progress'> = {
    storage,
    store,
    collector,
    http,
    log,
    flushed: options.flushed ?? (() => Promise.resolve()),
    patience: options.patience ?? defaultPatience,
    platform: options.platform ?? hostPlatform(),
    keychain: new Keychain(authFiles, { kernel: options.kernel, env: environment.variables }),
    get progressTimeoutMs() {
      return options.progressTimeoutMs;
    },
  };
  const pulls = new PullJobs();
  const pullSlots = new Semaphore(options.concurrency, 'pull');
  const tracker = new PullTracker(log, undefined, () => pullSlots.waiting);
  const checks = new KeyedLock('image');
  const closing = new AbortController();
  const loads = new Set<Promise<unknown>>();
  const marks = randomBytes(32);

  return {
    async pull(text, auth, signal, namespace = '') {
      throwIfAborted(signal, 'pull', text);
      const reference = parseReference(text);
      // Taken even if the pull joins another: each call has a file of its own, which would stay.
      const own = await takeNamespacedAuth(options.namespacedAuthDir, namespace, repositoryForProviders(reference));
      const ownPolicy = await policies.ownFile(namespace);
      return pulls.run(
        textOf(reference),
        `${markOf(auth, own, marks)}${ownPolicy === undefined ? '' : ` (policy of ${namespace})`}`,
        (job) =>
          pullSlots.with(job, () =>
            tracker.track(textOf(reference), job, async (progress) => {
              conf = await loadRegistriesConf(options.registriesConf);
              const admission = await openAdmission(policies, options.policy.registriesDir, namespace, log);
              return pullNamed({ ...deps, admission, progress }, conf, reference, { cri: auth, own }, job);
            }),
          ),
        signal,
      );
    },
    progress(text) {
      const name = nameOrNothing(text);
      return tracker.running().find(({ image }) => image === name);
    },
    async load(path, signal) {
      const both = anySignal(closing.signal, signal);
      const job = loadArchive(deps, options.stagingDir, path, both);
      loads.add(job);
      try {
        return await job;
      } finally {
        loads.delete(job);
      }
    },
    admit: (image, asked, namespace) => recheck.check(image, asked, namespace),
    find: (text) => store.find(text),
    list: () => store.list(),
    pinned: (image) => isPinned(options.pinnedImages ?? [], image),
    async remove(text, signal) {
      throwIfAborted(signal, 'RemoveImage', text);
      // Nobody waits for it any more, and it would bring the image back.
      const name = nameOrNothing(text);
      if (name !== undefined) await pulls.endUnwaited(name);
      if (await store.remove(text)) await collector.collect();
    },
    pulls: tracker,
    async *check(request, signal) {
      using _alone = await checks.acquire('check', signal);
      conf = await loadRegistriesConf(options.registriesConf);
      const admission = await openAdmission(policies, options.policy.registriesDir, '', log);
      const pull = { ...deps, admission, progress: new PullProgress('for a check') };
      const parts = { pull, conf, images: () => [...options.table.values()], users: options.users ?? (() => []) };
      yield* checkImages(parts, request, anySignal(closing.signal, signal));
    },
    async prepare(files) {
      const next = await loadRegistriesConf(files.registriesConf);
      await new Policies(files, log).read('');
      return () => void (conf = next);
    },
    collect: () => {
      store.refresh();
      return collector.collect();
    },
    async close(reason) {
      closing.abort(reason);
      await pulls.abortAll(reason);
      await Promise.allSettled(loads);
      await http.close();
    },
  };
}

// Credential providers take every name without a host for Docker Hub's.
function repositoryForProviders(reference: Reference | ShortReference): string {
  return repositoryOf(reference.kind === 'full' ? reference : qualify(reference, 'docker.io'));
}

// An id is no name, and has no pull.
function nameOrNothing(text: string): string | undefined {
  try {
    return textOf(parseReference(text));
  } catch (error) {
    if (isBerthError(error, 'image-reference-invalid')) return undefined;
    throw error;
  }
}

// Equal credentials make equal jobs. The mark goes into messages, so nothing can be learnt from it.
function markOf(auth: RegistryAuth | undefined, own: AuthFile | undefined, salt: Buffer): string {
  const given = auth && Object.values(auth).some((value) => value !== '') ? auth : undefined;
  if (!given && !own) return '';
  const { username, password, auth: basic, serverAddress, identityToken, registryToken } = given ?? {};
  const text = JSON.stringify([[username, password, basic, serverAddress, identityToken, registryToken], own?.content]);
  return ` (credentials ${createHmac('sha256', salt).update(text).digest('hex').slice(0, 8)})`;
}
