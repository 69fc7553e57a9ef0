/**
 * Positional little-endian encoding, as conmon/lib/wire.h has it: integers as they are; bytes with a u32 length before
 * them; strings likewise, and one zero byte behind them that the length does not count. Every call gives the encoder back.
 */
export class Encoder {
  private buffer = Buffer.allocUnsafe(256);
  private size = 0;

  u8(value: number): this {
    this.size = this.room(1).writeUInt8(value, this.size);
    return this;
  }

  u16(value: number): this {
    this.size = this.room(2).writeUInt16LE(value, this.size);
    return this;
  }

  u32(value: number): this {
    this.size = this.room(4).writeUInt32LE(value, this.size);
    return this;
  }

  u64(value: bigint): this {
    this.size = this.room(8).writeBigUInt64LE(value, this.size);
    return this;
  }

  bytes(value: Uint8Array): this {
    return this.u32(value.length).raw(value);
  }

  /** Bytes without their length before them. */
  raw(value: Uint8Array): this {
    this.room(value.length).set(value, this.size);
    this.size += value.length;
    return this;
  }

  /** A string without zero bytes, with one behind it: C reads it in place. */
  str(value: string): this {
    const size = Buffer.byteLength(value);
    this.u32(size);
    this.room(size + 1).write(value, this.size, 'utf8');
    this.size += size;
    return this.u8(0);
  }

  list(values: readonly string[]): this {
    this.u32(values.length);
    for (const value of values) this.str(value);
    return this;
  }

  /** What has been encoded so far. */
  finish(): Buffer {
    return this.buffer.subarray(0, this.size);
  }

  private room(size: number): Buffer {
    if (this.size + size > this.buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.size + size));
      this.buffer.copy(grown, 0, 0, this.size);
      this.buffer = grown;
    }
    return this.buffer;
  }
}

/** Bytes that are not what they should be. */
export class WireError extends RangeError {}

/** Reads what an Encoder, or conmon/lib/wire.h, wrote. Throws a WireError for anything else. */
export class Decoder {
  private at = 0;

  constructor(private readonly data: Buffer) {}

  u8(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    return this.take(2).readUInt16LE();
  }

  u32(): number {
    return this.take(4).readUInt32LE();
  }

  u64(): bigint {
    return this.take(8).readBigUInt64LE();
  }

  bytes(): Buffer {
    return this.take(this.u32());
  }

  str(): string {
    const text = this.bytes().toString('utf8');
    if (this.u8() !== 0) throw new WireError('a string has no end');
    return text;
  }

  /** Throws if anything is left. */
  end(): void {
    if (this.at !== this.data.length) throw new WireError(`${this.data.length - this.at} bytes are left over`);
  }

  private take(size: number): Buffer {
    if (size > this.data.length - this.at) throw new WireError(`${size} bytes are wanted, fewer are there`);
    this.at += size;
    return this.data.subarray(this.at - size, this.at);
  }
}
