import { credentials, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCriServer, type CriParts, type CriServer } from '../../../src/cri';
import { admin, ImageServiceClient, RuntimeServiceClient } from '../../../src/wire';

type Callback<Response> = (error: ServiceError | null, response: Response) => void;

/** A server that is ready on a socket of its own, and a real client of each service. */
export interface Connection extends AsyncDisposable {
  readonly socket: string;
  readonly server: CriServer;
  readonly runtime: RuntimeServiceClient;
  readonly image: ImageServiceClient;
  readonly admin: admin.AdminClient;
}

export async function connect(parts: CriParts, state: { readonly ready?: boolean } = {}): Promise<Connection> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-cri-'));
  const socket = join(folder, 'deep/er/berth.sock');
  const server = createCriServer(parts);
  await server.listen(socket);
  if (state.ready ?? true) server.ready();
  const address = `unix:${socket}`;
  const insecure = credentials.createInsecure();
  // As the kubelet's: a chunk of a list may be larger than grpc-js's default of 4 MiB.
  const options = { 'grpc.max_receive_message_length': 80 * 1024 * 1024 };
  const runtime = new RuntimeServiceClient(address, insecure, options);
  const image = new ImageServiceClient(address, insecure, options);
  const adminClient = new admin.AdminClient(address, insecure);
  return {
    socket,
    server,
    runtime,
    image,
    admin: adminClient,
    [Symbol.asyncDispose]: async () => {
      for (const client of [runtime, image, adminClient]) client.close();
      await server.close(1000);
      await rm(folder, { recursive: true });
    },
  };
}

/** The answer of a call with one answer, or its ServiceError. */
export function answer<Response>(start: (callback: Callback<Response>) => unknown): Promise<Response> {
  return new Promise((resolve, reject) => start((error, response) => (error ? reject(error) : resolve(response))));
}

/** How a call with one answer ended, whatever the answer is: for tables of calls of many kinds. */
export function outcome(start: (done: (error: ServiceError | null) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
}

/** Every message of a stream, or its ServiceError. */
export async function collect<Response>(stream: ClientReadableStream<Response>): Promise<Response[]> {
  const messages: Response[] = [];
  return new Promise((resolve, reject) => {
    stream.on('data', (message: Response) => messages.push(message));
    stream.once('error', reject);
    stream.once('end', () => resolve(messages));
    stream.resume();
  });
}
