import { once } from 'node:events';
import { silentLog } from '../../src/base';
import { type ExecStreamRequest, type StreamTarget, createStreamingServer } from '../../src/streaming';
import type { StreamingOptions, StreamingServer } from '../../src/streaming';
import { targetWith } from './target-with';

/** Streaming servers for the tests of a file; each is closed behind its test. */
export function useServers(): (target: StreamTarget, options?: Partial<StreamingOptions>) => Promise<StreamingServer> {
  const servers: StreamingServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });
  return async (target, options = {}) => {
    const server = createStreamingServer({ host: '127.0.0.1', port: 0, target, log: silentLog(), ...options });
    await server.listen();
    servers.push(server);
    return server;
  };
}

/** All streams, and no terminal. */
export const all = { stdin: true, stdout: true, stderr: true, tty: false };

/** A request to run a script, with all streams unless some are given. */
export const command = (script: string, streams: Partial<ExecStreamRequest> = {}): ExecStreamRequest => ({
  containerId: 'c1',
  cmd: ['/bin/sh', '-c', script],
  ...all,
  ...streams,
});

/** A command that writes 64 MiB as fast as it can, and tells how much of it. */
export function writer(): { readonly target: StreamTarget; readonly written: () => number } {
  let written = 0;
  const target = targetWith({
    async exec(_, { stdout, signal }) {
      const chunk = Buffer.alloc(64 * 1024);
      while (stdout && written < 64 * 1024 * 1024) {
        written += chunk.length;
        if (!stdout.write(chunk)) await once(stdout, 'drain', { signal });
      }
      return 0;
    },
  });
  return { target, written: () => written };
}

/** Whether it has written something, and no more since the last time that was asked. */
export function stalls(written: () => number): () => boolean {
  let before = -1;
  return () => {
    const still = written() > 0 && written() === before;
    before = written();
    return still;
  };
}
