import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

/** Ends a stream to the client and waits until it is written, or until the stream is beyond help. Never rejects. */
export async function sendAll(stream: Writable | undefined): Promise<void> {
  if (!stream || stream.destroyed) return;
  stream.end();
  // The connection's loss is known by its signal; nothing more can be done for the stream here.
  await finished(stream).catch(() => undefined);
}
