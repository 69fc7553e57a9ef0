import { join } from 'node:path';
import { BerthError } from '../base';
import { findProgram } from './find-program';

/** The OCI runtime behind a handler's name, as it is found now. */
export interface Handler {
  readonly name: string;
  /** Absolute path of the program. */
  readonly path: string;
  /** The runtime's own state folder. */
  readonly root: string;
  /** What goes before each of its subcommands. */
  readonly options: readonly string[];
  /** Annotations that it may see; one that ends in * stands for all that begin so. */
  readonly allowedAnnotations: readonly string[];
}

/** A handler as the configuration has it. */
export interface HandlerConfig {
  readonly path: string;
  /** Empty: a folder of its own below the run root. */
  readonly root: string;
  readonly options: readonly string[];
  readonly allowed_annotations: readonly string[];
}

/** The runtimes of the configuration, by CRI's runtime_handler. */
export interface Handlers {
  readonly names: readonly string[];
  readonly defaultName: string;
  /** An empty name is the default's. Rejects `handler-unknown`, or `program-missing` if its program is not there. */
  resolve(name: string): Promise<Handler>;
}

/** Looks programs up anew each time: a runtime that is installed later is found without a restart. */
export function createHandlers(options: {
  /** As the configuration has them now. */
  readonly handlers: () => Readonly<Record<string, HandlerConfig>>;
  readonly defaultName: () => string;
  readonly runRoot: string;
  /** As in PATH; where programs given by name are looked up. */
  readonly searchPath: string;
}): Handlers {
  const { runRoot, searchPath } = options;
  return {
    get names() {
      return Object.keys(options.handlers());
    },
    get defaultName() {
      return options.defaultName();
    },
    async resolve(given) {
      const name = given || options.defaultName();
      const handlers = options.handlers();
      const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
      if (!handler) {
        const detail = `no such handler; there are: ${Object.keys(handlers).join(', ')}`;
        throw new BerthError('handler-unknown', { op: 'find the runtime', object: `handler ${name}`, detail });
      }
      const path = await findProgram(handler.path, searchPath);
      if (path === undefined) {
        throw new BerthError('program-missing', {
          op: 'find the runtime',
          object: `handler ${name}`,
          detail: `there is no program ${handler.path}${handler.path.includes('/') ? '' : ` in ${searchPath}`}`,
          remedy: `install it, or correct runtime.handlers.${name}.path in the configuration`,
        });
      }
      const { options: before, allowed_annotations: allowedAnnotations } = handler;
      return { name, path, root: handler.root || join(runRoot, 'runtime', name), options: before, allowedAnnotations };
    },
  };
}
