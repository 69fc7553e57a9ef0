import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { silentLog } from '../../src/base';
import { openState } from '../../src/state';

/** A library that makes fdatasync never return once a file is there: what is committed from then on is not flushed. */
const noFlush = `
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
int fdatasync(int fd)
{
  while (access(getenv("NO_FLUSH"), F_OK) == 0)
    pause();
  return (int)syscall(SYS_fdatasync, fd);
}
`;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'berth-power-loss-'));
  writeFileSync(join(dir, 'no-flush.c'), noFlush);
  execFileSync('gcc', ['-shared', '-fPIC', '-o', join(dir, 'no-flush.so'), join(dir, 'no-flush.c')]);
  const entry = resolve(__dirname, '../../src/state/index.ts');
  buildSync({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    target: 'node20',
    external: ['lmdb'],
    outfile: join(dir, 'state.cjs'),
  });
});
afterAll(() => rmSync(dir, { recursive: true }));

/** Runs a script that has the state's room as `room` and ends by itself, or by SIGKILL; gives what it has said. */
function runScript(script: string, options: { readonly reboot?: boolean } = {}): string {
  const whole = `const room = require(${JSON.stringify(join(dir, 'state.cjs'))}); const fs = require('fs');
    const layer = (chainId, fill) => ({ v: 1, chainId, diffId: fill.repeat(3000), blobDigest: fill, unpackedBytes: 1n, inodes: 1n });
    (async () => { ${script} })().catch((error) => { console.error(error); process.exit(1); });`;
  const file = join(dir, 'script.cjs');
  writeFileSync(file, whole);
  // Another boot, to who asks: lmdb takes no notice of an id that does not come from procfs.
  const shell = options.reboot
    ? 'mount --bind /dev/null /proc/sys/kernel/random/boot_id && exec "$0" "$@"'
    : 'LD_PRELOAD="$NO_FLUSH_LIBRARY" exec "$0" "$@"';
  const env = {
    ...process.env,
    NODE_PATH: resolve(__dirname, '../../node_modules'),
    NO_FLUSH: join(dir, 'no-flush'),
    NO_FLUSH_LIBRARY: join(dir, 'no-flush.so'),
  };
  rmSync(env.NO_FLUSH, { force: true });
  const run = spawnSync('unshare', ['--mount', 'sh', '-c', shell, process.execPath, file], { env });
  if (run.status !== 0 && run.signal !== 'SIGKILL')
    throw new Error(`${run.status} ${run.signal}: ${run.stderr.toString()}`);
  return run.stdout.toString();
}

/**
 * Commits these layers, one after the other, flushes none of them, and ends as a killed process does. A put says nothing
 * before it is flushed: a reader tells when it is committed. A third would not be: LMDB lets one wait for another's flush.
 */
const commitAndDie = (root: string, ...layers: readonly (readonly [id: string, fill: string])[]): string => `
  const state = await room.openState(${JSON.stringify(root)}, console);
  const reader = require('lmdb').open({ path: ${JSON.stringify(join(root, 'meta'))} }).openDB({ name: 'layers' });
  fs.writeFileSync(process.env.NO_FLUSH, '');
  for (const [id, fill] of ${JSON.stringify(layers)}) {
    void state.layers.put(layer(id, fill));
    while (reader.get(id)?.blobDigest !== fill) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  process.kill(process.pid, 'SIGKILL');`;

/** What there is after a power loss that found everything written that was not flushed, but for LMDB's own note. */
function afterPowerLoss(root: string): readonly (readonly [id: string, fill: string])[] {
  const copy = `${root}-after`;
  mkdirSync(join(copy, 'meta'), { recursive: true });
  copyFileSync(join(root, 'meta/data.mdb'), join(copy, 'meta/data.mdb'));
  const script = `const state = await room.openState(${JSON.stringify(copy)}, console);
    console.log(JSON.stringify([...state.layers.values()].map(({ chainId, diffId }) => [chainId, diffId])));
    await state.close();`;
  const layers = JSON.parse(runScript(script, { reboot: true })) as readonly (readonly [string, string])[];
  return layers.map(([id, filled]) => {
    const [fill = ''] = filled;
    return [id, filled === fill.repeat(3000) ? fill : 'damaged'];
  });
}

test('what a killed process had committed is on the disk as soon as the state is open again', async () => {
  const root = join(dir, 'committed');
  runScript(commitAndDie(root, ['a', '1'], ['b', '1']));
  expect(afterPowerLoss(root)).not.toContainEqual(['b', '1']);
  const state = await openState(root, silentLog());
  expect(afterPowerLoss(root)).toEqual([
    ['a', '1'],
    ['b', '1'],
  ]);
  await state.close();
});

test('a power loss while the first writes after a kill are not flushed gives back what was there before them', () => {
  const root = join(dir, 'reused');
  runScript(commitAndDie(root, ['a', '1'], ['b', '1']));
  runScript(commitAndDie(root, ['a', '2'], ['b', '2']));
  runScript(commitAndDie(root, ['a', '3'], ['b', '3']));
  expect(afterPowerLoss(root)).toEqual([
    ['a', '2'],
    ['b', '2'],
  ]);
});
