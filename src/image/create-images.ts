import { createHmac, randomBytes } from 'node:crypto';
import { anySignal, type Log, Semaphore, SingleFlight, throwIfAborted } from '../base';
import type { ImageRecord } from '../state';
import { loadArchive } from './archive';
import { Collector } from './collector';
import type { OpenImages, RegistryAuth } from './images';
import type { ImageStorage } from './install';
import { hostPlatform, type Platform } from './platform';
import type { PullDeps } from './pull';
import { pullNamed } from './pull-named';
import { parseReference, textOf } from './reference';
import { candidatesOf, loadRegistriesConf, type RegistriesConfPaths } from './registries-conf';
import { defaultPatience, Http, type Patience } from './registry';
import { ImageStore } from './store';
import type { ImageTable } from './table';

export interface ImagesOptions {
  readonly storage: ImageStorage;
  readonly table: ImageTable;
  /** Resolves when the table's changes so far are on the disk. */
  readonly flushed?: () => Promise<void>;
  readonly registriesConf: RegistriesConfPaths;
  /** In docker's or podman's format; the first that knows the repository serves. */
  readonly authFiles: readonly string[];
  /** A folder for archives that are being loaded; what is in it at start is the owner's to remove. */
  readonly stagingDir: string;
  readonly log: Log;
  /** Images that are pulled at once; how many layers are is the storage's. */
  readonly concurrency: number;
  readonly platform?: Platform;
  /** Ids of images that containers use: they are not removed. */
  readonly inUse?: () => Iterable<string>;
  readonly patience?: Patience;
}

const timeouts = { connectMs: 10_000, idleMs: 60_000 };

/** Opens the image room. Throws `config-invalid` if registries.conf is wrong: better at start than at the first pull. */
export async function createImages(options: ImagesOptions): Promise<OpenImages> {
  let conf = await loadRegistriesConf(options.registriesConf);
  const { storage, log } = options;
  const store = new ImageStore({
    table: options.table,
    inUse: options.inUse ?? (() => []),
    candidates: (short) => candidatesOf(conf, short).references,
  });
  const collector = new Collector(storage, () => options.table.values());
  const http = new Http(timeouts);
  const deps: PullDeps = {
    storage,
    store,
    collector,
    http,
    log,
    flushed: options.flushed ?? (() => Promise.resolve()),
    patience: options.patience ?? defaultPatience,
    platform: options.platform ?? hostPlatform(),
    authFiles: options.authFiles,
  };
  const pulls = new SingleFlight<ImageRecord>();
  const pullSlots = new Semaphore(options.concurrency);
  const closing = new AbortController();
  const loads = new Set<Promise<unknown>>();
  const marks = randomBytes(32);

  return {
    async pull(text, auth, signal) {
      throwIfAborted(signal, 'pull', text);
      const reference = parseReference(text);
      return pulls.run(
        `pull ${textOf(reference)}${markOf(auth, marks)}`,
        (job) =>
          pullSlots.with(job, async () => {
            conf = await loadRegistriesConf(options.registriesConf);
            return pullNamed(deps, conf, reference, auth, job);
          }),
        signal,
      );
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
    find: (text) => store.find(text),
    list: () => store.list(),
    async remove(text, signal) {
      throwIfAborted(signal, 'RemoveImage', text);
      if (await store.remove(text)) await collector.collect();
    },
    collect: () => collector.collect(),
    async close(reason) {
      closing.abort(reason);
      await pulls.abortAll(reason);
      await Promise.allSettled(loads);
      await http.close();
    },
  };
}

// Equal credentials make equal jobs. The mark goes into messages, so nothing can be learnt from it.
function markOf(auth: RegistryAuth | undefined, salt: Buffer): string {
  if (!auth || Object.values(auth).every((value) => value === '')) return '';
  const { username, password, auth: basic, serverAddress, identityToken, registryToken } = auth;
  const text = JSON.stringify([username, password, basic, serverAddress, identityToken, registryToken]);
  return ` (credentials ${createHmac('sha256', salt).update(text).digest('hex').slice(0, 8)})`;
}
