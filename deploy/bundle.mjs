// Bundles what ships: dist/berthd.js and dist/berth.js, and with --bench dist/bench.js.
// One file per program, so that a start reads one file. Outside stay lmdb, for its native part is loaded by path, and what
// only a signature policy, an OCI hook, a CDI device or the metrics need: in the bundle it would cost every berthd 3 MiB.
import { build } from 'esbuild';
import { chmod, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

// The bytes of a pull live for as long as a copy takes, but V8 lets them lie until its young generation is full: a small one
// keeps a pull of any size within some 50 MiB. The heap is laid out before the first line of a program runs.
const daemonNode = '/usr/bin/env -S node --max-semi-space-size=2';

const programs = [
  { entry: 'src/daemon/main.ts', file: 'dist/berthd.js', node: daemonNode },
  { entry: 'src/cli/main.ts', file: 'dist/berth.js' },
  ...(process.argv.includes('--bench') ? [{ entry: 'test/bench/main.ts', file: 'dist/bench.js' }] : []),
];

const results = await Promise.allSettled(
  programs.map(async ({ entry, file, node = '/usr/bin/env node' }) => {
    const outfile = join(root, file);
    await rm(outfile, { force: true });
    await build({
      entryPoints: [join(root, entry)],
      outfile,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      external: ['lmdb', 'openpgp', 'prom-client', 're2js', 'yaml'],
      banner: { js: `#!${node}` },
      sourcemap: 'linked',
      legalComments: 'none',
      logLevel: 'warning',
    });
    await chmod(outfile, 0o755);
  }),
);

for (const [index, result] of results.entries()) {
  const { entry, file } = programs[index];
  if (result.status === 'fulfilled') console.log(`${file} from ${entry}`);
  else process.exitCode = 1;
}
