import type { Server, ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { once } from 'node:events';
import { abortable } from '../base';
import { readRequest } from './check/request';
import type { Call, Instrument, RpcFacts } from './instrument';

/** The generated description of one RPC. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (message: Response) => Buffer;
}

/** One RPC with its handler, ready to be offered by a server. */
export interface Rpc {
  /** `/runtime.v1.RuntimeService/Version`. */
  readonly path: string;
  register(server: Server, instrument: Instrument): void;
}

type Facts = Omit<RpcFacts, 'name' | 'service'>;

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
  const rpc = { ...facts, ...namesIn(method.path) };
  const answer = async (
    call: ServerUnaryCall<Buffer, Buffer>,
    callback: sendUnaryData<Buffer>,
    instrument: Instrument,
  ) => {
    const read = () => readRequest(rpc.name, method.requestDeserialize, call.request);
    const outcome = await instrument.run(rpc, call, read, handle);
    if (outcome.kind === 'answered') callback(null, outcome.value);
    else callback(outcome.status);
  };
  return {
    path: method.path,
    register: (server, instrument) =>
      void server.register<Buffer, Buffer>(
        method.path,
        (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) =>
          void answer(call, callback, instrument),
        asBytes,
        asBytes,
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
  const rpc = { ...facts, ...namesIn(method.path) };
  const answer = async (stream: ServerWritableStream<Buffer, Buffer>, instrument: Instrument) => {
    const read = () => readRequest(rpc.name, method.requestDeserialize, stream.request);
    const outcome = await instrument.run(rpc, stream, read, async (request, call) => {
      for await (const message of handle(request, call)) await send(stream, message, call);
    });
    if (outcome.kind === 'answered') stream.end();
    // A stream whose client is gone is destroyed already: nobody is there to be told.
    else if (!stream.destroyed) stream.emit('error', outcome.status);
  };
  return {
    path: method.path,
    register: (server, instrument) =>
      void server.register<Buffer, Buffer>(
        method.path,
        (stream: ServerWritableStream<Buffer, Buffer>) => void answer(stream, instrument),
        asBytes,
        asBytes,
        'serverStream',
      ),
  };
}

/** Sends one message and waits while the client is slow, so that a stream is never held in memory as a whole. */
async function send(stream: ServerWritableStream<unknown, Buffer>, message: Buffer, call: Call): Promise<void> {
  if (!stream.write(message)) await abortable(once(stream, 'drain'), call.signal, call.op);
}

/** The wrapper decodes and encodes, so that a message that cannot be is logged and answered as any other error. */
function asBytes(message: Buffer): Buffer {
  return message;
}

function namesIn(path: string): { readonly service: string; readonly name: string } {
  const [, service = '', name = ''] = path.split('/');
  return { service, name };
}
