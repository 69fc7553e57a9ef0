import { readFile } from 'node:fs/promises';
import { Decoder, errnoOf, WireError } from '../../base';
import { crc32 } from './crc32';
import type { ExitRecord } from './monitor';
import { decodeRecord } from './protocol';

/** "BEXR", little-endian. */
const magic = 0x52584542;
const version = 1;
const headerSize = 12;

/**
 * Reads how a container ended, from the file that its monitor left. Undefined if there is none, or if it is not
 * whole: a monitor that was cut off, or one that still runs. Rejects with Node's error if the file cannot be read.
 */
export async function readExitRecord(path: string): Promise<ExitRecord | undefined> {
  try {
    return decodeExitFile(await readFile(path));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The record in the file's bytes; undefined unless its checksum says that it is whole. */
export function decodeExitFile(file: Buffer): ExitRecord | undefined {
  try {
    const reader = new Decoder(file);
    if (reader.u32() !== magic || reader.u16() !== version) return undefined;
    const size = reader.u16();
    const sum = reader.u32();
    if (size > file.length - headerSize) return undefined;
    const body = file.subarray(headerSize, headerSize + size);
    return crc32(body) === sum ? decodeRecord(body) : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
