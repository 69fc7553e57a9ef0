import { join } from 'node:path';
import { BerthError } from '../base';
import { needProgram } from './find-program';

/** The OCI runtime behind a handler's name, as it is found now. */
export interface Handler {
  readonly name: string;
  /** Absolute path of the program. */
  readonly path: string;
  /** The runtime's own state folder. */
  readonly root: string;
  /** What goes before each of its subcommands. */
  readonly options: readonly string[];
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
  /** Annotations that it may see; one that ends in * stands for all that begin so. Throws `handler-unknown`. */
  allowedAnnotations(name: string): readonly string[];
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

  const configured = (given: string) => {
    const name = given || options.defaultName();
    const handlers = options.handlers();
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    if (handler) return { name, ...handler };
    const detail = `no such handler; there are: ${Object.keys(handlers).join(', ')}`;
    throw new BerthError('handler-unknown', { op: 'find the runtime', object: `handler ${name}`, detail });
  };

  return {
    get names() {
      return Object.keys(options.handlers());
    },
    get defaultName() {
      return options.defaultName();
    },
    async resolve(given) {
      const { name, path: program, root, options: before } = configured(given);
      const path = await needProgram(program, searchPath, {
        op: 'find the runtime',
        object: `handler ${name}`,
        remedy: `install it, or correct runtime.handlers.${name}.path in the configuration`,
      });
      return { name, path, root: root || join(runRoot, 'runtime', name), options: before };
    },
    allowedAnnotations: (name) => configured(name).allowed_annotations,
  };
}
