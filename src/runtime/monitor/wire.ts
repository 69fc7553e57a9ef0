/**
 * Positional little-endian encoding, as conmon/lib/wire.h has it: integers as they are; bytes with a u32 length before
 * them; strings likewise, and one zero byte behind them that the length does not count.
 */
export class WireWriter {
  private readonly parts: Buffer[] = [];

  u8(value: number): this {
    return this.raw(Buffer.of(value));
  }

  u16(value: number): this {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
    return this.raw(bytes);
  }

  u32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.raw(bytes);
  }

  u64(value: bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return this.raw(bytes);
  }

  bytes(value: Uint8Array): this {
    return this.u32(value.length).raw(value);
  }

  raw(value: Uint8Array): this {
    this.parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    return this;
  }

  end(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/** Thrown for bytes that are not what they should be: caught where frames are read. */
export class WireError extends Error {}

/** Reads what WireWriter and lib/wire.h write; throws WireError for anything else. */
export class WireReader {
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

  str(): string {
    const text = this.take(this.u32()).toString('utf8');
    if (this.u8() !== 0) throw new WireError('a string without its final zero');
    return text;
  }

  /** Throws unless everything has been read. */
  done(): void {
    if (this.at !== this.data.length) throw new WireError('bytes that nobody asked for');
  }

  private take(size: number): Buffer {
    if (size > this.data.length - this.at) throw new WireError('it ends too early');
    const part = this.data.subarray(this.at, this.at + size);
    this.at += size;
    return part;
  }
}
