import { type Deflate, type Inflate, constants, createDeflate, createInflate } from 'node:zlib';
import { isBerthError, messageOf } from '../../base';
import { spdyDictionary } from './dictionary';
import { protocolError } from './frames';

/** Names in lower case; a value that came several times has its parts joined by NUL. */
export type Headers = ReadonlyMap<string, string>;

/** An inflated block beyond this is a bomb: real ones have some fifty bytes, and each stream keeps its own. */
const maxBlockBytes = 8 * 1024;
const maxHeaders = 64;

/** One direction's deflate context: every block is flushed, and leaves in the order in which it was compressed. */
export class HeadersEncoder {
  // A window of 2 KiB holds the dictionary; zlib's default would cost 256 KiB for every session.
  private readonly deflate: Deflate = createDeflate({
    dictionary: spdyDictionary,
    flush: constants.Z_SYNC_FLUSH,
    windowBits: 11,
    memLevel: 1,
  });
  private readonly run = contextRunner(this.deflate, maxBlockBytes);

  /** Compresses the block and, before any other is begun, hands it to `send`. */
  encode(headers: Headers, send: (block: Buffer) => void): Promise<void> {
    return this.run(serialise(headers), send);
  }

  close(): void {
    this.deflate.destroy();
  }
}

/** The other direction's inflate context. Rejects `stream-protocol` on anything that is not a header block. */
export class HeadersDecoder {
  private readonly inflate: Inflate = createInflate({ dictionary: spdyDictionary, flush: constants.Z_SYNC_FLUSH });
  private readonly run = contextRunner(this.inflate, maxBlockBytes);

  async decode(block: Buffer): Promise<Headers> {
    let headers: Headers = new Map();
    await this.run(block, (inflated) => {
      headers = parse(inflated);
    });
    return headers;
  }

  close(): void {
    this.inflate.destroy();
  }
}

type Run = (input: Buffer, use: (output: Buffer) => void) => Promise<void>;

/** Feeds one block at a time through a zlib stream and gives what comes out for exactly that block. */
function contextRunner(zlib: Deflate | Inflate, limit: number): Run {
  let last: Promise<unknown> = Promise.resolve();
  let chunks: Buffer[] = [];
  let size = 0;
  let giveUp: (error: unknown) => void = () => undefined;
  const tooLong = protocolError(`a header block of more than ${limit} bytes`);
  const collect = () => {
    for (let chunk: unknown = zlib.read(); chunk instanceof Buffer; chunk = zlib.read()) {
      size += chunk.length;
      chunks.push(chunk);
    }
    if (size > limit) zlib.destroy(tooLong);
  };
  zlib.on('readable', collect);
  zlib.on('error', (error) => giveUp(error));
  zlib.on('close', () => giveUp(protocolError('the connection is closed')));

  return (input, use) => {
    const job = last.then(async () => {
      chunks = [];
      size = 0;
      await new Promise<void>((resolve, reject) => {
        giveUp = reject;
        if (zlib.destroyed || zlib.writableEnded) reject(protocolError('the connection is closed'));
        else zlib.write(input, (error) => (error ? reject(error) : resolve()));
      });
      // What the last write left in the buffer: 'readable' would tell of it only later.
      collect();
      if (size > limit) throw tooLong;
      use(Buffer.concat(chunks));
    });
    last = job.catch(() => undefined);
    return job.catch((error: unknown) => {
      throw isBerthError(error) ? error : protocolError(`header block: ${messageOf(error)}`);
    });
  };
}

/** The uncompressed block: u32 count, then name and value, each behind its u32 length (SPDY/3, 2.6.10). */
function serialise(headers: Headers): Buffer {
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const text = (value: string) => {
    const bytes = Buffer.from(value, 'utf8');
    return [number(bytes.length), bytes];
  };
  return Buffer.concat([
    number(headers.size),
    ...[...headers].flatMap(([name, value]) => [...text(name.toLowerCase()), ...text(value)]),
  ]);
}

function parse(block: Buffer): Headers {
  let at = 0;
  const number = () => {
    if (at + 4 > block.length) throw protocolError('a header block is cut off');
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const text = () => {
    const length = number();
    if (at + length > block.length) throw protocolError('a header block is cut off');
    at += length;
    return block.toString('utf8', at - length, at);
  };
  const headers = new Map<string, string>();
  const count = number();
  if (count > maxHeaders) throw protocolError(`a header block of ${count} headers`);
  for (let left = count; left > 0; left--) {
    const name = text().toLowerCase();
    if (name === '' || headers.has(name)) throw protocolError('a header without a name, or one that comes twice');
    headers.set(name, text());
  }
  if (at !== block.length) throw protocolError('bytes behind the last header');
  return headers;
}
