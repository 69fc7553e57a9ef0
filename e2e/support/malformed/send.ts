import { credentials, Client, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import type { Rpc } from './schema';

export interface Answer {
  readonly code: status;
  readonly details: string;
  /** The bytes of the answer, or of the last in a stream. */
  readonly bytes: Buffer;
}

const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

/** Sends bytes as they are. */
export class Sender {
  private readonly client: Client;

  constructor(socket: string) {
    this.client = new Client(`unix://${socket}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    });
  }

  /** The answer, of whatever code; DEADLINE_EXCEEDED where there is none in time. */
  async send(rpc: Rpc, bytes: Uint8Array, deadlineMs: number): Promise<Answer> {
    const options = { deadline: Date.now() + deadlineMs };
    const metadata = new Metadata();
    return new Promise((resolve) => {
      const failed = ({ code, details }: ServiceError): void => resolve({ code, details, bytes: Buffer.alloc(0) });
      if (!rpc.streams) {
        this.client.makeUnaryRequest(
          rpc.path,
          asIs,
          (answer) => answer,
          bytes,
          metadata,
          options,
          (error, answer) => {
            if (error) failed(error);
            else resolve({ code: status.OK, details: '', bytes: answer ?? Buffer.alloc(0) });
          },
        );
        return;
      }
      let last = Buffer.alloc(0);
      this.client
        .makeServerStreamRequest(rpc.path, asIs, (answer: Buffer) => answer, bytes, metadata, options)
        .on('data', (answer: Buffer) => (last = Buffer.from(answer)))
        .on('error', failed)
        .on('end', () => resolve({ code: status.OK, details: '', bytes: last }));
    });
  }

  close(): void {
    this.client.close();
  }
}
