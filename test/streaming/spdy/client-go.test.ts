import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FrameReader } from '../../../src/streaming/spdy/frames';
import { HeadersDecoder } from '../../../src/streaming/spdy/headers-codec';

test('the bytes that client-go 0.37 sends for an exec with stdin are understood', async () => {
  const hex = readFileSync(join(__dirname, '../fixtures/client-go-exec.hex'), 'utf8').replaceAll('\n', '');
  const decoder = new HeadersDecoder();
  const seen: unknown[] = [];
  for (const frame of new FrameReader().read(Buffer.from(hex, 'hex'))) {
    if (frame.kind === 'syn-stream') {
      seen.push([frame.kind, frame.streamId, (await decoder.decode(frame.block)).get('streamtype')]);
    } else if (frame.kind === 'data') seen.push([frame.kind, frame.streamId, frame.payload.toString(), frame.fin]);
    else seen.push(frame.kind);
  }
  decoder.close();
  expect(seen).toEqual([
    ['syn-stream', 1, 'error'],
    ['syn-stream', 3, 'stdin'],
    ['syn-stream', 5, 'stdout'],
    ['syn-stream', 7, 'stderr'],
    ['data', 3, 'hello\n', false],
    ['data', 3, '', true],
    'reset',
    'reset',
    'reset',
  ]);
});
