export type {
  AttachStreamRequest,
  ClientStreams,
  ExecStreamRequest,
  PortForwardRequest,
  StreamTarget,
  StreamingServer,
  TerminalSize,
} from './target';
export { type StreamingOptions, createStreamingServer } from './server/server';
export { type PortForwardClient, openPortForward } from './client/port-forward';
export { type ExecClient, type ExecClientOptions, openAttach, openExec } from './client/exec';
