import type { Server, ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { once } from 'node:events';
import { abortable } from '../base';
import type { Call, Instrument, RpcFacts } from './instrument';

/** The generated description of one RPC. */
export interface Method<Request, Response> {
  readonly path: string;
  requestDeserialize(bytes: Buffer): Request;
  responseSerialize(message: Response): Buffer;
}

/** One RPC with its handler, ready to be offered by a server. */
export interface Rpc {
  /** `/runtime.v1.RuntimeService/Version`. */
  readonly path: string;
  register(server: Server, instrument: Instrument): void;
}

type Facts = Omit<RpcFacts, 'name'>;

/** An RPC with one answer. */
export function unary<Request extends object, Response extends object>(
  method: Method<Request, Response>,
  facts: Facts,
  handle: (request: Request, call: Call) => Response | Promise<Response>,
): Rpc {
  return encodedUnary(method, facts, async (request, call) => {
    const response = await handle(request, call);
    call.note(response);
    return method.responseSerialize(response);
  });
}

/** An RPC whose handler gives its answer already encoded: lists, which are put together from kept pieces. */
export function encodedUnary<Request extends object>(
  method: Pick<Method<Request, never>, 'path' | 'requestDeserialize'>,
  facts: Facts,
  handle: (request: Request, call: Call) => Buffer | Promise<Buffer>,
): Rpc {
  const rpc = { ...facts, name: nameOf(method.path) };
  const answer = async (
    call: ServerUnaryCall<Request, Buffer>,
    callback: sendUnaryData<Buffer>,
    instrument: Instrument,
  ) => {
    const outcome = await instrument.run(rpc, call, call.request, (context) => handle(call.request, context));
    if (outcome.kind === 'answered') callback(null, outcome.value);
    else callback(outcome.status);
  };
  return {
    path: method.path,
    register: (server, instrument) =>
      void server.register<Request, Buffer>(
        method.path,
        (call: ServerUnaryCall<Request, Buffer>, callback: sendUnaryData<Buffer>) =>
          void answer(call, callback, instrument),
        encoded,
        (bytes) => method.requestDeserialize(bytes),
        'unary',
      ),
  };
}

/** An RPC that answers with a stream of messages, each already encoded. */
export function serverStream<Request extends object>(
  method: Pick<Method<Request, never>, 'path' | 'requestDeserialize'>,
  facts: Facts,
  handle: (request: Request, call: Call) => Iterable<Buffer> | AsyncIterable<Buffer>,
): Rpc {
  const rpc = { ...facts, name: nameOf(method.path) };
  const answer = async (stream: ServerWritableStream<Request, Buffer>, instrument: Instrument) => {
    const outcome = await instrument.run(rpc, stream, stream.request, async (call) => {
      for await (const message of handle(stream.request, call)) await send(stream, message, call);
    });
    if (outcome.kind === 'answered') stream.end();
    // A stream whose client is gone is destroyed already: nobody is there to be told.
    else if (!stream.destroyed) stream.emit('error', outcome.status);
  };
  return {
    path: method.path,
    register: (server, instrument) =>
      void server.register<Request, Buffer>(
        method.path,
        (stream: ServerWritableStream<Request, Buffer>) => void answer(stream, instrument),
        encoded,
        (bytes) => method.requestDeserialize(bytes),
        'serverStream',
      ),
  };
}

/** Sends one message and waits while the client is slow, so that a stream is never held in memory as a whole. */
async function send(stream: ServerWritableStream<unknown, Buffer>, message: Buffer, call: Call): Promise<void> {
  if (!stream.write(message)) await abortable(once(stream, 'drain'), call.signal, call.op);
}

/** Handlers encode, so that a message that cannot be encoded is logged and answered as any other error. */
function encoded(message: Buffer): Buffer {
  return message;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
