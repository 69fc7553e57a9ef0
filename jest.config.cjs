const { slow } = require('./test/slow.cjs');

/** Units and integration on the real kernel; e2e has a configuration of its own. */
module.exports = {
  testEnvironment: '<rootDir>/test/environment.cjs',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: { '^.+\\.ts$': '<rootDir>/test/esbuild-transform.cjs' },
  moduleFileExtensions: ['ts', 'js', 'cjs', 'json', 'node'],
  setupFilesAfterEnv: ['<rootDir>/test/support/jobs-of-this-file.ts'],
  testTimeout: 30000 * slow,
};
