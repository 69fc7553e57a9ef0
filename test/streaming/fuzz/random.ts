import { seededRandom } from '../../../e2e/support/random';

/** Draws that are the same for the same seed. */
export class Random {
  private readonly next: () => number;

  constructor(readonly seed: number) {
    this.next = seededRandom(seed);
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[this.below(from.length)] ?? from[0];
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  /** Small as a rule, and now and then large. */
  length(largest: number): number {
    return this.below(this.chance(0.8) ? Math.min(largest, 64) : largest);
  }
}
