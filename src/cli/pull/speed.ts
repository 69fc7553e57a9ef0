/** Over how long it is reckoned, in milliseconds: a moment's pause is no standstill. */
const windowMs = 4000;

/** Bytes per second, of the last seconds. */
export class Speed {
  private samples: { readonly atMs: number; readonly bytes: number }[] = [];

  /** Takes the sum so far at a time in milliseconds, and gives the speed. */
  of(bytes: number, atMs: number): number {
    this.samples = [...this.samples.filter((sample) => atMs - sample.atMs <= windowMs), { atMs, bytes }];
    const [first] = this.samples;
    return first && atMs > first.atMs ? ((bytes - first.bytes) / (atMs - first.atMs)) * 1000 : 0;
  }
}
