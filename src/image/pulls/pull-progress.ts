import type { LayerOrigin } from '../../storage';
import type { LayerState, PullState } from './events';

/** A layer as the manifest names it. */
type ExpectedLayer = Pick<LayerState, 'digest' | 'size'>;

/** Counts what one pull does; who pulls says it here. */
export class PullProgress {
  private readonly began = performance.now();
  private endpoint: string | undefined;
  private bytes = 0;
  private expected: readonly ExpectedLayer[] = [];
  /** By digest: a manifest may name a blob twice. */
  private fetched = new Map<string, number>();
  /** By the layer's place in the manifest. */
  private origins = new Map<number, LayerOrigin>();

  constructor(
    private readonly image: string,
    private readonly onBytes: (bytes: number) => void = () => undefined,
  ) {}

  /** This endpoint is asked now; what one before it had brought is begun anew. */
  ask(endpoint: string): void {
    this.endpoint = endpoint;
    this.expected = [];
    this.fetched = new Map();
    this.origins = new Map();
  }

  /** The manifest is there and names these layers, base first. */
  expect(layers: readonly ExpectedLayer[]): void {
    this.expected = layers;
  }

  /** Bytes of the layer with this digest came from the network. */
  received(digest: string, bytes: number): void {
    this.bytes += bytes;
    this.fetched.set(digest, (this.fetched.get(digest) ?? 0) + bytes);
    this.onBytes(bytes);
  }

  /** The layer at this place of the manifest is unpacked. */
  ready(index: number, from: LayerOrigin): void {
    this.origins.set(index, from);
  }

  state(): PullState {
    const { image, endpoint, bytes, expected, fetched, origins, began } = this;
    const layers = noLayers();
    for (const from of origins.values()) layers[from]++;
    return {
      image,
      endpoint,
      bytes,
      totalBytes: expected.reduce((sum, { size }) => sum + size, 0),
      totalLayers: expected.length,
      layers,
      perLayer: expected.map(({ digest, size }, index) => {
        return { digest, size, received: fetched.get(digest) ?? 0, ready: origins.get(index) };
      }),
      seconds: (performance.now() - began) / 1000,
    };
  }
}

export function noLayers(): Record<LayerOrigin, number> {
  return { there: 0, shared: 0, local: 0, registry: 0 };
}
