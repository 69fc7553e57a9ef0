import { BerthError } from '../../base';

/** Room for so many forwarded connections at once, over all sessions: their memory is bounded by that. */
export class Places {
  private taken = 0;

  constructor(private readonly most: number) {}

  /** A place, until it is disposed of. Throws `stream-too-many` if there is none. */
  take(object: string): Disposable {
    if (this.taken >= this.most) {
      const detail = `${this.most} connections are forwarded, as many as may be at once in all sessions together`;
      throw new BerthError('stream-too-many', { op: 'PortForward', object, detail });
    }
    this.taken++;
    return { [Symbol.dispose]: () => void this.taken-- };
  }
}
