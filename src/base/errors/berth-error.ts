import { catalog, type ErrorCode, type StatusName } from './catalog';

/** What an error is told at the place that fails. */
export interface ErrorParts {
  /** The operation, in the words of its caller: `RunPodSandbox`, `pull`, `CNI ADD`. */
  readonly op: string;
  /** The object with its id or name: `container 3f2a…`, `/etc/berth/berth.toml`. */
  readonly object?: string;
  /** What happened, without the operation and without the remedy. */
  readonly detail: string;
  /** What to do, where this place knows better than the catalog. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** The only error that leaves a room: operation, object, cause and remedy in one line. */
export class BerthError extends Error {
  readonly code: ErrorCode;
  readonly op: string;
  readonly object: string | undefined;
  readonly detail: string;
  readonly remedy: string;

  constructor(code: ErrorCode, parts: ErrorParts) {
    const remedy = parts.remedy ?? catalog[code].remedy;
    const subject = parts.object ? `${parts.op}: ${parts.object}` : parts.op;
    super(`${subject}: ${parts.detail} (${remedy})`, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = 'BerthError';
    this.code = code;
    this.op = parts.op;
    this.object = parts.object;
    this.detail = parts.detail;
    this.remedy = remedy;
  }

  /** The gRPC status that this error is answered with. */
  get status(): StatusName {
    return catalog[this.code].status;
  }
}

/** Whether the error is a BerthError, of one of the codes if any are given. */
export function isBerthError(error: unknown, ...codes: ErrorCode[]): error is BerthError {
  return error instanceof BerthError && (codes.length === 0 || codes.includes(error.code));
}

/** The error's own words, whatever was thrown. Told by shape: errors of Node's core may come from another realm. */
export function messageOf(error: unknown): string {
  const message = property(error, 'message');
  return typeof message === 'string' ? message : String(error);
}

/** Node's errno name (`ENOENT`), if the error carries one. */
export function errnoOf(error: unknown): string | undefined {
  const code = property(error, 'code');
  return typeof code === 'string' ? code : undefined;
}

function property(value: unknown, key: 'message' | 'code'): unknown {
  return typeof value === 'object' && value !== null && key in value
    ? (value as Record<typeof key, unknown>)[key]
    : undefined;
}
