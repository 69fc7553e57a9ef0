import { stat } from 'node:fs/promises';
import { fileStamp, isBerthError, type Log, messageOf } from '../base';
import type { Kernel } from '../kernel';
import { askFeatures, noFeatures, type HandlerFeatures } from './features';
import type { Handler, Handlers } from './handlers';

/** A handler whose program is there, and what it can do. */
export interface FoundHandler {
  readonly name: string;
  readonly features: HandlerFeatures;
}

/** Which runtimes can be run now (CRI condition RuntimeReady, Status.runtime_handlers). Reads never wait. */
export interface RuntimeWatch extends Disposable {
  /** Whether the default handler's runtime is there. */
  condition(): { readonly ready: boolean; readonly reason: string; readonly message: string };
  /** Path of the default handler's, as found last; empty if it is not there. */
  readonly path: string;
  /** What it says of its version, first line. */
  readonly version: string;
  /** The handlers whose programs are there, in the order of the configuration. */
  handlers(): readonly FoundHandler[];
  /** What the handler of this name can do; nothing if it is not there. */
  features(name: string): HandlerFeatures;
  /** Looks now: what the configuration says may have changed. Never rejects. */
  look(): Promise<void>;
}

export interface WatchParts {
  readonly kernel: Kernel;
  readonly handlers: Handlers;
  readonly log: Log;
}

/** A runtime that is installed, replaced or removed is noticed within this time; Status itself only reads. */
const intervalMs = 10_000;

/** A handler's program as it was found last. */
interface Seen {
  /** Path, inode and time of change: another program under the same path is another. */
  readonly program: string;
  readonly path: string;
  readonly features: HandlerFeatures;
}

/** Looks for the runtimes now and from time to time. */
export async function watchRuntime({ kernel, handlers, log }: WatchParts): Promise<RuntimeWatch> {
  let seen: ReadonlyMap<string, Seen> = new Map();
  let version = '';
  let problem = '';

  const look = async (): Promise<void> => {
    const names = handlers.names;
    const found = await Promise.all(names.map((name) => find(name)));
    const now = new Map(found.flatMap((one, index) => (one ? [[names[index] ?? '', one] as const] : [])));
    const standard = now.get(handlers.defaultName);
    if (standard && standard.program !== seen.get(handlers.defaultName)?.program)
      version = await versionOf(kernel, standard.path);
    if (standard) problem = '';
    seen = now;
  };

  const find = async (name: string): Promise<Seen | undefined> => {
    try {
      const handler = await handlers.resolve(name);
      const program = await identityOf(handler);
      const known = seen.get(name);
      if (known?.program === program) return known;
      return { program, path: handler.path, features: await featuresOf(handler) };
    } catch (error) {
      if (!isBerthError(error)) throw error;
      if (name === handlers.defaultName) problem = error.message;
      return undefined;
    }
  };

  /** A runtime that cannot say what it can do still runs containers. */
  const featuresOf = async (handler: Handler): Promise<HandlerFeatures> => {
    try {
      return await askFeatures(kernel, handler);
    } catch (error) {
      log.warn({ err: error, handler: handler.name }, `what the runtime can do is not known: ${messageOf(error)}`);
      return noFeatures;
    }
  };

  await look();
  const again = () =>
    look().catch((error: unknown) => log.warn({ err: error }, `looking for the runtimes: ${messageOf(error)}`));
  const timer = setInterval(() => void again(), intervalMs);
  timer.unref();
  return {
    condition: () =>
      seen.has(handlers.defaultName)
        ? { ready: true, reason: '', message: '' }
        : { ready: false, reason: 'RuntimeMissing', message: problem },
    get path() {
      return seen.get(handlers.defaultName)?.path ?? '';
    },
    get version() {
      return version;
    },
    handlers: () => [...seen].map(([name, { features }]) => ({ name, features })),
    features: (name) => seen.get(name || handlers.defaultName)?.features ?? noFeatures,
    look: again,
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

async function identityOf({ path, options }: Handler): Promise<string> {
  return JSON.stringify([path, options, fileStamp(await stat(path, { bigint: true }))]);
}

async function versionOf(kernel: Kernel, path: string): Promise<string> {
  const { stdout } = await kernel.run({ path, args: ['--version'], timeoutMs: 10_000 });
  return /version\s+(\S+)/.exec(stdout.toString('utf8'))?.[1] ?? '';
}
