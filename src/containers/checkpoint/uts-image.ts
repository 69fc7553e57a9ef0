import fs from 'node:fs/promises';
import path from 'node:path';
import { BerthError } from '../../base';

/** Two magic numbers and the length of the message. */
const headerSize = 12;
/** A name has 64 bytes at most (utsname(2)). */
const largest = 1024;

/**
 * CRIU writes the names that it has dumped into the UTS namespace that the container joins, which is the pod's: they are
 * made those of the pod before (CRIU's utsns.proto: 1 nodename, 2 domainname).
 */
export async function renameHost(images: string, hostname: string): Promise<void> {
  for (const name of await fs.readdir(images)) {
    if (!/^utsns-\d+\.img$/.test(name)) continue;
    const file = path.join(images, name);
    const { size } = await fs.stat(file);
    if (size < headerSize || size > largest) {
      throw new BerthError('checkpoint-invalid', {
        op: 'CreateContainer',
        object: file,
        detail: `it has ${size} bytes`,
      });
    }
    await fs.writeFile(file, utsImage((await fs.readFile(file)).subarray(0, 8), hostname));
  }
}

/** The image with these magic numbers; its domain name is Linux's for none. */
export function utsImage(magic: Uint8Array, hostname: string): Buffer {
  const message = Buffer.concat([field(1, hostname), field(2, '(none)')]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(message.length);
  return Buffer.concat([magic, length, message]);
}

/** A string in protobuf's encoding; all of ours are shorter than 128 bytes. */
function field(number: number, text: string): Buffer {
  const bytes = Buffer.from(text).subarray(0, 64);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}
