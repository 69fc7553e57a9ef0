export type { ClientStreams, ExecStreamRequest, StreamTarget, StreamingServer } from './target';
export { type StreamingOptions, createStreamingServer } from './server';
export { type ExecClient, type ExecClientOptions, openExec } from './spdy/client';
