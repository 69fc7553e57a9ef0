/** Hands the newest value to one reader: values that it was too slow for are forgotten, so that nothing piles up. */
export class Latest<T> implements AsyncIterableIterator<T> {
  private value: { readonly held: T } | undefined;
  private ended = false;
  private wake: () => void = () => undefined;

  put(value: T): void {
    if (this.ended) return;
    this.value = { held: value };
    this.wake();
  }

  /** No more values: the reader gets the last one, if it has not yet, then the end. */
  end(): void {
    this.ended = true;
    this.wake();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    while (!this.value && !this.ended) await new Promise<void>((resolve) => (this.wake = resolve));
    const value = this.value;
    this.value = undefined;
    return value ? { done: false, value: value.held } : { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
