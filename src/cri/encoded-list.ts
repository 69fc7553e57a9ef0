/** Items in one message of a streaming list: what the peers send. */
const chunkItems = 3000;
/** Bytes in one, unless an item alone has more: half of what the kubelet accepts. */
const chunkBytes = 8 * 1024 * 1024;

/**
 * Encodes lists of one message, whose items are field 1 of the answer (as in every list of CRI), piece by piece. The
 * piece of a snapshot is kept as long as the snapshot lives, so a list that nothing changed in is a concatenation.
 */
export class EncodedList<Item extends object> {
  private readonly pieces = new WeakMap<Item, Buffer>();

  constructor(private readonly encode: (item: Item) => Uint8Array) {}

  /** The answer with all items. */
  all(items: readonly Item[]): Buffer {
    return Buffer.concat(items.map((item) => this.piece(item)));
  }

  /** The answer in several messages; none for no items. */
  chunks(items: readonly Item[]): Generator<Buffer> {
    return chunked(items, (item) => this.piece(item));
  }

  private piece(item: Item): Buffer {
    let piece = this.pieces.get(item);
    if (!piece) this.pieces.set(item, (piece = pieceOf(this.encode(item))));
    return piece;
  }
}

/** The answer with all of these items, each encoded already: what is new at each call is not kept. */
export function listOf(items: readonly Uint8Array[]): Buffer {
  return Buffer.concat(items.map(pieceOf));
}

/** The same in several messages. */
export function chunksOf(items: readonly Uint8Array[]): Generator<Buffer> {
  return chunked(items, pieceOf);
}

function* chunked<Item>(items: readonly Item[], pieceOfItem: (item: Item) => Buffer): Generator<Buffer> {
  let chunk: Buffer[] = [];
  let bytes = 0;
  for (const item of items) {
    const piece = pieceOfItem(item);
    if (chunk.length === chunkItems || (chunk.length > 0 && bytes + piece.length > chunkBytes)) {
      yield Buffer.concat(chunk);
      chunk = [];
      bytes = 0;
    }
    chunk.push(piece);
    bytes += piece.length;
  }
  if (chunk.length > 0) yield Buffer.concat(chunk);
}

/** Tag of field 1, length-delimited. */
const fieldOne = Buffer.of(0x0a);

/** An encoded item as a field of the answer. */
function pieceOf(body: Uint8Array): Buffer {
  return Buffer.concat([fieldOne, varint(body.length), body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
