import { createHash } from 'node:crypto';

/** An entry of an archive that is made by hand: whatever a hostile or odd tool could write. */
export interface Entry {
  readonly name: string | Buffer;
  /** The typeflag; a plain file by default. */
  readonly type?: '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | 'x' | 'L';
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds. */
  readonly mtime?: number;
  readonly link?: string;
  readonly data?: string | Buffer;
  readonly dev?: readonly [number, number];
  /** PAX records that precede the entry; values may be any bytes. */
  readonly pax?: Readonly<Record<string, string | Buffer>>;
  /** A size in the header that is not the data's. */
  readonly size?: number;
}

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;

function header(entry: Entry, size: number): Buffer {
  const block = Buffer.alloc(512);
  Buffer.from(entry.name).copy(block, 0, 0, 100);
  block.write(octal(entry.mode ?? (entry.type === '5' ? 0o755 : 0o644), 8), 100);
  block.write(octal(entry.uid ?? 0, 8), 108);
  block.write(octal(entry.gid ?? 0, 8), 116);
  block.write(octal(entry.size ?? size, 12), 124);
  block.write(octal(entry.mtime ?? 1_600_000_000, 12), 136);
  block.write('        ', 148);
  block.write(entry.type ?? '0', 156);
  block.write(entry.link ?? '', 157, 100);
  block.write('ustar\x0000', 257);
  block.write(octal(entry.dev?.[0] ?? 0, 8), 329);
  block.write(octal(entry.dev?.[1] ?? 0, 8), 337);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

const padded = (data: Buffer): Buffer => Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);

function paxRecord(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function pack(entry: Entry): Buffer {
  const parts: Buffer[] = [];
  if (entry.pax) {
    const records = Buffer.concat(Object.entries(entry.pax).map(([key, value]) => paxRecord(key, value)));
    parts.push(header({ name: 'pax', type: 'x' }, records.length), padded(records));
  }
  const data = Buffer.from(entry.data ?? '');
  parts.push(header(entry, data.length), padded(data));
  return Buffer.concat(parts);
}

/** The archive with its end. */
export function tar(entries: readonly Entry[]): Buffer {
  return Buffer.concat([...entries.map(pack), Buffer.alloc(1024)]);
}

export const dir = (name: string, more: Partial<Entry> = {}): Entry => ({ name, type: '5', ...more });
export const file = (name: string, data: string | Buffer = '', more: Partial<Entry> = {}): Entry => ({
  name,
  data,
  ...more,
});
export const symlink = (name: string, link: string): Entry => ({ name, type: '2', link, pax: { linkpath: link } });
export const hardlink = (name: string, link: string): Entry => ({ name, type: '1', link });

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
