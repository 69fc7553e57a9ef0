import { BerthError } from '../../base';

/** Hands one reader what is put, in its order; a reader that is too far behind is cut off. */
export class EventReader<Event> {
  private readonly waiting: Event[] = [];
  private wake: () => void = () => undefined;

  constructor(
    private readonly most: number,
    /** Told once, with `events-slow`: the reader gets no more. */
    private readonly cutOff: (error: BerthError) => void,
  ) {}

  /** False if the reader has just been cut off. */
  put(event: Event): boolean {
    if (this.waiting.length >= this.most) {
      this.waiting.length = 0;
      const detail = `${this.most} events wait for this reader, as many as may`;
      this.cutOff(new BerthError('events-slow', { op: 'GetContainerEvents', detail }));
      return false;
    }
    this.waiting.push(event);
    this.wake();
    return true;
  }

  /** The events as they come, until the signal is aborted. */
  async *read(signal: AbortSignal): AsyncGenerator<Event, void> {
    const aborted = () => this.wake();
    signal.addEventListener('abort', aborted, { once: true });
    try {
      while (!signal.aborted) {
        const event = this.waiting.shift();
        if (event) yield event;
        else await new Promise<void>((resolve) => (this.wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', aborted);
    }
  }
}
