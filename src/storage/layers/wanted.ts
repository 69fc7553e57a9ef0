/** A layer that is to be there, and a blob that it is made of. */
export interface Wanted {
  readonly chainId: string;
  readonly digest: string;
}

/** Layers that are being added: a collection that runs meanwhile leaves them and their blobs alone. */
export class WantedLayers {
  private readonly held = new Set<readonly Wanted[]>();

  /** Holds the layers until it is disposed of. */
  hold(layers: readonly Wanted[]): Disposable {
    // A copy of its own: two calls may be given the same array.
    const entry = [...layers];
    this.held.add(entry);
    return { [Symbol.dispose]: () => void this.held.delete(entry) };
  }

  chainIds(): string[] {
    return [...this.held].flatMap((layers) => layers.map((layer) => layer.chainId));
  }

  blobs(): string[] {
    return [...this.held].flatMap((layers) => layers.map((layer) => layer.digest));
  }
}
