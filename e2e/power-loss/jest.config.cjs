const main = require('../jest.config.cjs');

/** The two halves of e2e/vm/power-loss: each starts what it needs by itself. */
module.exports = {
  ...main,
  rootDir: '../..',
  testMatch: ['<rootDir>/e2e/power-loss/*.test.ts'],
  globalSetup: undefined,
  globalTeardown: undefined,
};
