import { setTimeout } from 'node:timers/promises';
import type { PullState } from '../../image';
import { admin } from '../../wire';
import { needText } from '../check/required';
import type { Call } from '../instrument';
import type { CriParts } from '../parts';
import { serverStream, type Rpc } from '../rpc';

/** How often is looked how far a pull is, in milliseconds: as often as an eye follows. */
const lookMs = 200;

/** Pull: as PullImage, told meanwhile how far it is. */
export const pull = (parts: CriParts): Rpc =>
  serverStream(admin.AdminService.pull, { kind: 'change' }, (request, call) => events(parts, request, call));

async function* events({ images }: CriParts, request: admin.PullRequest, call: Call): AsyncGenerator<Buffer> {
  const { responseSerialize } = admin.AdminService.pull;
  const name = needText(call.op, 'image', request.image);
  let over = false;
  const pulled = images.pull(name, undefined, call.signal).finally(() => (over = true));
  // Awaited below, and perhaps not before it has failed.
  pulled.catch(() => undefined);
  let told: Buffer = Buffer.alloc(0);
  while (!over) {
    const state = images.progress(name);
    const event = state ? responseSerialize({ progress: progressOf(state) }) : told;
    if (!event.equals(told)) yield event;
    told = event;
    await Promise.race([pulled.catch(() => undefined), setTimeout(lookMs)]);
  }
  yield responseSerialize({ imageId: (await pulled).id });
}

function progressOf({ endpoint = '', bytes, perLayer }: PullState): admin.PullProgress {
  const layers = perLayer.map(({ digest, size, received, ready = '' }) => {
    return { digest, size: BigInt(size), received: BigInt(received), ready };
  });
  return { endpoint, bytes: BigInt(bytes), layers };
}
