import { isBerthError } from '../base';
import type { Kernel } from '../kernel';
import type { Handler, Handlers } from './handlers';

/** Whether the default handler's runtime can be run now (CRI condition RuntimeReady). */
export interface RuntimeWatch extends Disposable {
  condition(): { readonly ready: boolean; readonly reason: string; readonly message: string };
  /** As found last; empty if it is not there. */
  readonly path: string;
  /** What it says of its version, first line. */
  readonly version: string;
}

/** A runtime that is installed or removed is noticed within this time; Status itself only reads. */
const intervalMs = 10_000;

/** Looks for the runtime now and from time to time. */
export async function watchRuntime(kernel: Kernel, handlers: Handlers): Promise<RuntimeWatch> {
  let found: Handler | undefined;
  let version = '';
  let problem = '';
  const look = async (): Promise<void> => {
    try {
      const handler = await handlers.resolve('');
      if (handler.path !== found?.path) version = await versionOf(kernel, handler.path);
      found = handler;
      problem = '';
    } catch (error) {
      if (!isBerthError(error)) throw error;
      found = undefined;
      problem = error.message;
    }
  };
  await look();
  const timer = setInterval(() => void look(), intervalMs);
  timer.unref();
  return {
    condition: () =>
      found ? { ready: true, reason: '', message: '' } : { ready: false, reason: 'RuntimeMissing', message: problem },
    get path() {
      return found?.path ?? '';
    },
    get version() {
      return version;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

async function versionOf(kernel: Kernel, path: string): Promise<string> {
  const { stdout } = await kernel.run({ path, args: ['--version'], timeoutMs: 10_000 });
  return /version\s+(\S+)/.exec(stdout.toString('utf8'))?.[1] ?? '';
}
