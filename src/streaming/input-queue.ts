/** Smaller pieces are copied together: the object for a single byte is some hundred times as large as it. */
const smallBytes = 4 * 1024;
const blockBytes = 16 * 1024;

interface Piece {
  readonly buffer: Buffer;
  used: number;
}

/** What came for a stream and was not read yet: its memory is in proportion to its bytes, however they were sent. */
export class InputQueue {
  private readonly pieces: Piece[] = [];
  /** The last piece, while there is room in it. */
  private open: Piece | undefined;
  private held = 0;

  /** Bytes that are waiting. */
  get bytes(): number {
    return this.held;
  }

  push(payload: Buffer): void {
    this.held += payload.length;
    if (payload.length >= smallBytes) {
      this.open = undefined;
      this.pieces.push({ buffer: payload, used: payload.length });
      return;
    }
    if (!this.open || this.open.buffer.length - this.open.used < payload.length) {
      this.open = { buffer: Buffer.allocUnsafeSlow(blockBytes), used: 0 };
      this.pieces.push(this.open);
    }
    this.open.used += payload.copy(this.open.buffer, this.open.used);
  }

  /** The next bytes in their order; undefined if there are none. */
  shift(): Buffer | undefined {
    const piece = this.pieces.shift();
    if (!piece) return undefined;
    if (piece === this.open) this.open = undefined;
    this.held -= piece.used;
    return piece.buffer.subarray(0, piece.used);
  }

  clear(): void {
    this.pieces.length = 0;
    this.open = undefined;
    this.held = 0;
  }
}
