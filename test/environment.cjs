const { TestEnvironment } = require('jest-environment-node');

/** Node's, but the jobs of a file are followed no longer than it runs (src/base/stages/context.ts). */
module.exports = class extends TestEnvironment {
  async teardown() {
    this.global.stopFollowing?.();
    await super.teardown();
  }
};
