import { admin } from '../../wire';
import type { Call } from '../instrument';
import type { CriParts } from '../parts';
import { serverStream, type Rpc } from '../rpc';

/** Check: what is on the disk against records and digests, told as it is found. */
export const check = (parts: CriParts): Rpc =>
  serverStream(admin.AdminService.check, { kind: 'change' }, (request, call) => events(parts, request, call));

async function* events(parts: CriParts, request: admin.CheckRequest, call: Call): AsyncGenerator<Buffer> {
  for await (const event of parts.images.check(request, call.signal))
    yield admin.AdminService.check.responseSerialize(event);
}
