import { abortError, throwIfAborted } from './abort';
import { stage } from './stages';

interface Waiter {
  /** The number of its arrival. */
  readonly turn: number;
  readonly enter: () => void;
}

interface Group {
  running: number;
  readonly waiting: Waiter[];
}

/**
 * At most `slots` holders at once, and at most `perGroup` of one group. A slot that comes free goes to the group that
 * holds the fewest, of equals to who came first: a group of a hundred does not keep one of a single member waiting.
 */
export class FairSlots {
  private readonly groups = new Map<object, Group>();
  private free: number;
  private turns = 0;

  constructor(
    slots: number,
    private readonly perGroup: number,
    /** What the slots are for: a wait is told by it. */
    private readonly what = 'work',
  ) {
    this.free = slots;
  }

  /** How many wait for a slot. */
  get waiting(): number {
    let waiting = 0;
    for (const group of this.groups.values()) waiting += group.waiting.length;
    return waiting;
  }

  /** Runs the function in a slot. A waiter whose signal is aborted leaves the queue. */
  async with<T>(key: object, signal: AbortSignal | undefined, fn: () => Promise<T>): Promise<T> {
    throwIfAborted(signal, 'wait for a slot');
    const group = this.groups.get(key) ?? { running: 0, waiting: [] };
    this.groups.set(key, group);
    try {
      await this.enter(group, signal);
      try {
        return await fn();
      } finally {
        group.running--;
        this.free++;
        this.admit();
      }
    } finally {
      if (group.running === 0 && group.waiting.length === 0) this.groups.delete(key);
    }
  }

  private async enter(group: Group, signal: AbortSignal | undefined): Promise<void> {
    const mine = this.turns++;
    const entered = new Promise<void>((resolve, reject) => {
      const leave = () => {
        group.waiting.splice(group.waiting.indexOf(waiter), 1);
        if (signal) reject(abortError(signal, 'wait for a slot'));
      };
      const enter = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const waiter = { turn: mine, enter };
      group.waiting.push(waiter);
      signal?.addEventListener('abort', leave, { once: true });
      this.admit();
    });
    if (!group.waiting.some(({ turn }) => turn === mine)) return entered;
    await stage(`waiting for a slot: ${this.what}`, () => entered);
  }

  private admit(): void {
    while (this.free > 0) {
      const group = this.nextGroup();
      const waiter = group?.waiting.shift();
      if (!group || !waiter) return;
      group.running++;
      this.free--;
      waiter.enter();
    }
  }

  private nextGroup(): Group | undefined {
    let best: Group | undefined;
    for (const group of this.groups.values()) {
      if (group.waiting.length === 0 || group.running >= this.perGroup) continue;
      if (!best || group.running < best.running || (group.running === best.running && turnOf(group) < turnOf(best))) {
        best = group;
      }
    }
    return best;
  }
}

const turnOf = ({ waiting }: Group): number => waiting[0]?.turn ?? Infinity;
