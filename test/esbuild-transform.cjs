// The jest transform: esbuild strips the types as it does for the bundle, so tests run what ships.
const { transformSync } = require('esbuild');

module.exports = {
  process(source, filename) {
    const { code, map } = transformSync(source, {
      loader: 'ts',
      format: 'cjs',
      // jest has no loader for import() of its own.
      supported: { 'dynamic-import': false },
      target: 'node20',
      sourcefile: filename,
      sourcemap: 'external',
      sourcesContent: true,
    });
    return { code, map };
  },
};
