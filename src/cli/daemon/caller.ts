import {
  type CallOptions,
  type ClientReadableStream,
  type ClientUnaryCall,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import type { GlobalOptions } from '../command';
import { CliError } from '../failure';
import { daemonError, isServiceError } from './errors';

type Done<Response> = (error: ServiceError | null, response: Response) => void;

/** A unary call of a generated client. */
export type Method<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  done: Done<Response>,
) => ClientUnaryCall;

/** One that answers with a stream. */
export type StreamMethod<Request, Event> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
) => ClientReadableStream<Event>;

/** Calls of generated clients, as promises and generators that fail with a CliError. */
export class Caller {
  constructor(
    private readonly options: Pick<GlobalOptions, 'socket' | 'timeoutMs'>,
    /** Aborts every call. */
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** The events of a call, as they come. Leaving them cancels it. */
  async *events<Request, Event>(
    op: string,
    method: StreamMethod<Request, Event>,
    request: Request,
  ): AsyncGenerator<Event> {
    const { socket, timeoutMs } = this.options;
    const call = method(request, new Metadata(), timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs });
    const events: AsyncIterable<Event> = call;
    const cancel = () => call.cancel();
    if (this.signal?.aborted) cancel();
    this.signal?.addEventListener('abort', cancel, { once: true });
    try {
      yield* events;
    } catch (error) {
      throw isServiceError(error) ? daemonError(error, op, socket, timeoutMs) : error;
    } finally {
      this.signal?.removeEventListener('abort', cancel);
      cancel();
    }
  }

  /** The answer of a call, within so many milliseconds. */
  call<Request, Response>(
    op: string,
    method: Method<Request, Response>,
    request: Request,
    timeoutMs: number | undefined,
  ): Promise<Response> {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const fail = (error: ServiceError) => reject(daemonError(error, op, this.options.socket, timeoutMs));
      if (signal?.aborted) {
        reject(new CliError(`${op}: interrupted`, 130));
        return;
      }
      const deadline = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
      const cancel = () => call.cancel();
      const call = method(request, new Metadata(), deadline, (error, response) => {
        signal?.removeEventListener('abort', cancel);
        if (error) fail(error);
        else resolve(response);
      });
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }
}
