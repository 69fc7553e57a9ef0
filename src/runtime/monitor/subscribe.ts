import { abortable } from '../../base';
import { expectWelcome, MonitorConnection, refusalError } from './connection';
import type { MonitorEvent, MonitorSubscription } from './events';
import type { Frame } from './frames';
import { decodeError, decodeLog, decodeOom, decodeState, encodeSubscribe, frameType, role } from './protocol';

const tag = 2;

/**
 * Watches a container through its monitor, without holding it. Resolves when nothing of these kinds will be missed
 * any more; with `state` the present one comes first.
 */
export async function subscribeMonitor(
  socketPath: string,
  kinds: readonly MonitorEvent['kind'][],
  signal?: AbortSignal,
): Promise<MonitorSubscription> {
  const connection = MonitorConnection.open(socketPath, role.events);
  try {
    const frames = connection.frames();
    await expectWelcome(connection, frames, signal);
    // The state is asked for in any case: it tells a monitor that has done its work from one that was lost.
    await connection.send(frameType.subscribe, tag, encodeSubscribe(['state', ...kinds]));
    const answer = await abortable(frames.next(), signal, 'subscribe to the monitor');
    if (answer.done) throw connection.lost();
    if (answer.value.type === frameType.error) throw refusalError(decodeError(answer.value.payload), socketPath);
    let closed = false;
    return {
      events: follow(connection, frames, kinds, () => closed),
      close: () => {
        closed = true;
        connection.destroy();
      },
    };
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

async function* follow(
  connection: MonitorConnection,
  frames: AsyncGenerator<Frame>,
  kinds: readonly MonitorEvent['kind'][],
  isClosed: () => boolean,
): AsyncGenerator<MonitorEvent> {
  let over = false;
  try {
    for await (const frame of frames) {
      const event = eventOf(frame, connection);
      if (event.kind === 'state') over = event.state.kind === 'exited' || event.state.kind === 'failed';
      if (kinds.includes(event.kind)) yield event;
    }
    if (!over && !isClosed()) throw connection.lost();
  } catch (error) {
    if (!isClosed()) throw error;
  } finally {
    connection.destroy();
  }
}

function eventOf(frame: Frame, connection: MonitorConnection): MonitorEvent {
  switch (frame.type) {
    case frameType.state:
      return { kind: 'state', state: decodeState(frame.payload) };
    case frameType.oom:
      return decodeOom(frame.payload);
    case frameType.log:
      return decodeLog(frame.payload);
    case frameType.error:
      throw refusalError(decodeError(frame.payload), connection.path);
    default:
      throw connection.lost(new Error(`it sent a frame of type ${frame.type}`));
  }
}
