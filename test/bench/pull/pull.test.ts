import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { freePort } from '../../../e2e/support/machine';
import { Registry } from '../../../e2e/support/registry';
import { layerMib, makePools } from './content';
import type { PullSample } from './contestant';
import { pushPullImage } from './image';
import { pullVerdicts, quietest } from './report';
import { cpuMsOf, forgetPeak, memoryOf, watchHelpers } from './usage';

const dir = mkdtempSync(join(tmpdir(), 'berth-pull-bench-'));
afterAll(() => rmSync(dir, { recursive: true }));

test('the image is the same in every run, is compressed to about a third, and its whiteouts name files of the layer below', async () => {
  await using registry = await opened('registry');
  // A fiftieth of the real one, but for pools of half the size.
  const small = { dir, layerMib: layerMib.map((mib) => mib / 50), pools: makePools(1 << 20) };
  const image = await pushPullImage(registry.running, 'bench/pull', 'a', small);
  expect(await pushPullImage(registry.running, 'bench/pull', 'b', small)).toEqual(image);
  const [a, b] = [await manifest(registry.running, 'a'), await manifest(registry.running, 'b')];
  expect(a).toEqual(b);
  expect(a.layers).toHaveLength(12);
  expect(image.layers).toBe(12);
  expect(image.unpackedBytes / image.compressedBytes).toBeGreaterThan(2.5);
  expect(image.unpackedBytes / image.compressedBytes).toBeLessThan(4);

  const names = await Promise.all(a.layers.slice(0, 2).map(({ digest }) => namesIn(registry.running, digest)));
  expect(names[0]).toContain('usr/l0/d0/f0');
  expect(names[1]).toContain('usr/l0/d0/.wh.f0');
  expect(readdirSync(dir)).not.toContain('layer-0');
});

test('processor time and memory are those of the process and its children, the ended ones too', async () => {
  // The helper burns, then its parent does and holds memory; each is there until it is told to go.
  const script = `
    // Processor time, however busy the machine is.
    const burn = (ms) => { for (const end = process.cpuUsage().user + ms * 1000; process.cpuUsage().user < end; ); };
    const helper = require('child_process').spawn(process.execPath, ['-e', 'const burn = ' + burn + '; burn(400); ' +
      'process.stdout.write("burnt"); process.stdin.resume()'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let held;
    helper.stdout.once('data', () => {
      held = Buffer.alloc(64 << 20, 1);
      burn(200);
      process.stdout.write('ready');
    });
    helper.on('exit', () => process.stdout.write('alone'));
    process.stdin.once('data', () => helper.stdin.end()).on('end', () => process.exit(held.length > 0 ? 0 : 1));`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const pid = child.pid ?? 0;
    await once(child.stdout, 'data');
    // Node holds tens of MiB. The first look is taken at once.
    expect(await watchHelpers(pid).stop()).toBeGreaterThan(10 << 20);
    child.stdin.write('go');
    await once(child.stdout, 'data');
    expect(await cpuMsOf(pid)).toBeGreaterThanOrEqual(500);
    const { now, peak } = await memoryOf(pid);
    expect(now).toBeGreaterThan(64 << 20);
    expect(peak).toBeGreaterThanOrEqual(now);
    await forgetPeak(pid);
    expect((await memoryOf(pid)).peak).toBeLessThan(peak + (16 << 20));
    const ended = once(child, 'exit');
    child.stdin.end();
    expect(await ended).toEqual([0, null]);
    expect(await memoryOf(pid)).toEqual({ now: 0, peak: 0 });
  } finally {
    child.kill('SIGKILL');
  }
});

test('times count at their best and memory at its worst; what was not measured has no verdict', () => {
  const sample = (wallMs: number, grownBytes: number): PullSample => ({
    wallMs,
    cpuMs: wallMs,
    grownBytes,
    helperBytes: 0,
  });
  const berth = quietest('berth', [sample(5000, 10 << 20), sample(6000, 61 << 20)]);
  expect(berth).toMatchObject({ wallMs: 5000, grownBytes: 61 << 20 });
  expect(pullVerdicts([berth]).map(({ met }) => met)).toEqual([undefined, false]);
  expect(pullVerdicts([berth, quietest('peer', [sample(9000, 0)])]).map(({ met }) => met)).toEqual([true, false]);
  expect(pullVerdicts([berth, quietest('peer', [sample(8000, 0)])])[0]).toMatchObject({ met: false });
});

async function opened(name: string) {
  const running = await Registry.start(join(dir, name), await freePort());
  return { running, [Symbol.asyncDispose]: () => running.stop() };
}

async function manifest({ address }: Registry, tag: string) {
  const accept = 'application/vnd.oci.image.manifest.v1+json';
  const response = await fetch(`http://${address}/v2/bench/pull/manifests/${tag}`, { headers: { accept } });
  return (await response.json()) as { layers: { digest: string }[] };
}

async function namesIn({ address }: Registry, digest: string): Promise<readonly string[]> {
  const response = await fetch(`http://${address}/v2/bench/pull/blobs/${digest}`);
  const tar = gunzipSync(Buffer.from(await response.arrayBuffer())).toString('latin1');
  return [...tar.matchAll(/usr\/l[0-9]+\/d[0-9]+\/[.a-z0-9]+/g)].map(([name]) => name);
}
