/** Asks again and again until it is so; fails with the signal, after ten seconds unless another is given. */
export async function until(condition: () => boolean, signal = AbortSignal.timeout(10_000)): Promise<void> {
  while (!condition()) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
