import type { AttachStreamRequest, ExecStreamRequest, PortForwardRequest } from '../target';

/** What a URL was given out for. */
export type Ticket =
  | { readonly verb: 'exec'; readonly request: ExecStreamRequest }
  | { readonly verb: 'attach'; readonly request: AttachStreamRequest }
  | { readonly verb: 'portforward'; readonly request: PortForwardRequest };
