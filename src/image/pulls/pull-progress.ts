import type { LayerOrigin } from '../../storage';
import type { PullState } from './events';

/** Counts what one pull does; who pulls says it here. */
export class PullProgress {
  private readonly began = performance.now();
  private endpoint: string | undefined;
  private bytes = 0;
  private total = { bytes: 0, layers: 0 };
  private layers: Record<LayerOrigin, number> = noLayers();

  constructor(
    private readonly image: string,
    private readonly onBytes: (bytes: number) => void = () => undefined,
  ) {}

  /** This endpoint is asked now; what one before it had brought is begun anew. */
  ask(endpoint: string): void {
    this.endpoint = endpoint;
    this.total = { bytes: 0, layers: 0 };
    this.layers = noLayers();
  }

  /** The manifest is there and names these layers. */
  expect(layers: readonly { readonly size: number }[]): void {
    this.total = { bytes: layers.reduce((sum, { size }) => sum + size, 0), layers: layers.length };
  }

  /** Bytes of a layer came from the network. */
  received(bytes: number): void {
    this.bytes += bytes;
    this.onBytes(bytes);
  }

  ready(from: LayerOrigin): void {
    this.layers[from]++;
  }

  state(): PullState {
    const { image, endpoint, bytes, total, began } = this;
    const layers = { ...this.layers };
    const seconds = (performance.now() - began) / 1000;
    return { image, endpoint, bytes, totalBytes: total.bytes, totalLayers: total.layers, layers, seconds };
  }
}

export function noLayers(): Record<LayerOrigin, number> {
  return { there: 0, shared: 0, local: 0, registry: 0 };
}
