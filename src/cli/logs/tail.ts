import type { FileHandle } from 'node:fs/promises';
import { parseRecord } from './record';

const blockBytes = 64 * 1024;

/** Where the last `lines` lines begin, counting what was logged in parts as one: read backwards from the end. */
export async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines <= 0) return size;
  let found = 0;
  /** The start of the file's unread part, and what has been read behind it but not yet cut. */
  let position = size;
  let rest: Buffer = Buffer.alloc(0);
  /** Where the earliest record that counts begins. */
  let begin = size;
  while (position > 0) {
    const block = Buffer.alloc(Math.min(blockBytes, position));
    position -= block.length;
    const { bytesRead } = await file.read(block, 0, block.length, position);
    rest = Buffer.concat([block.subarray(0, bytesRead), rest]);
    for (let at = lastStart(rest, position); at >= 0; at = lastStart(rest, position)) {
      // A whole line ends earlier than what has been counted: the one that follows was the last to show.
      const whole = !parseRecord(withoutNewline(rest.subarray(at))).partial;
      if (whole || begin === size) found++;
      if (found > lines) return begin;
      begin = position + at;
      rest = rest.subarray(0, at);
    }
  }
  return 0;
}

/** Where the last record in the buffer begins, or -1 if that is not in it. */
function lastStart(buffer: Buffer, position: number): number {
  if (buffer.length === 0) return -1;
  const newline = buffer.length < 2 ? -1 : buffer.lastIndexOf(10, buffer.length - 2);
  if (newline >= 0) return newline + 1;
  return position === 0 ? 0 : -1;
}

function withoutNewline(line: Buffer): Buffer {
  return line.at(-1) === 10 ? line.subarray(0, -1) : line;
}
